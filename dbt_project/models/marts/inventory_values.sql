{# Risk and revenue at risk are the plan's own: rules and forecasts live in Python, and one word has one sum. #}
with

positions as (

    select * from {{ ref('stock_positions') }}
    where is_active

),

velocities as (

    select * from {{ ref('stg_core__velocities') }}

),

plans as (

    select * from {{ ref('stg_out__plans') }}

),

stored as (

    select
        positions.warehouse_id,
        positions.sku,
        positions.department_id,
        positions.category_id,
        positions.unit_price,
        positions.lead_time_days,
        {{ at_least_zero('positions.on_hand') }} as stored_units,
        nullif(velocities.daily_units, 0) as daily_units,
        plans.plan_date,
        plans.risk_percent,
        plans.revenue_at_risk,
    from positions
    left join velocities on positions.warehouse_id = velocities.warehouse_id and positions.sku = velocities.sku
    left join plans on positions.warehouse_id = plans.warehouse_id and positions.sku = plans.sku

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
        plan_date,
        risk_percent,
        revenue_at_risk,
    from stored

)

select * from valued
