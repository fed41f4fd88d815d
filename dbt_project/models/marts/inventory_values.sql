{# Revenue at risk at mean sales: what is lost until an order placed now arrives. The plan's (out.plans) is by the
   forecast and knows what is on its way. #}
with

positions as (

    select * from {{ ref('stock_positions') }}
    where is_active

),

velocities as (

    select * from {{ ref('stg_core__velocities') }}

),

priced as (

    select
        positions.warehouse_id,
        positions.sku,
        positions.department_id,
        positions.category_id,
        positions.unit_price,
        positions.lead_time_days,
        {{ at_least_zero('positions.on_hand') }} as stored_units,
        {{ at_least_zero('positions.available') }} as sellable_units,
        nullif(velocities.daily_units, 0) as daily_units,
    from positions
    left join velocities on positions.warehouse_id = velocities.warehouse_id and positions.sku = velocities.sku

),

waiting as (

    select
        *,
        lead_time_days - sellable_units / daily_units as wait_days,
    from priced

),

valued as (

    select
        {{ key_of(['warehouse_id', 'sku']) }} as inventory_value_id,
        warehouse_id,
        sku,
        department_id,
        category_id,
        stored_units,
        unit_price,
        stored_units * unit_price as inventory_value,
        daily_units,
        lead_time_days,
        {{ at_least_zero('wait_days') }} as dry_days,
        daily_units * {{ at_least_zero('wait_days') }} * unit_price as revenue_at_risk,
    from waiting

)

select * from valued
