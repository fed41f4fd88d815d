with

states as (

    select * from {{ ref('stg_core__sku_states') }}
    where is_active

),

velocities as (

    select * from {{ ref('stg_core__velocities') }}

),

coverages as (

    select * from {{ ref('stg_core__coverages') }}

),

covers as (

    select
        {{ key_of(['states.warehouse_id', 'states.sku']) }} as stock_cover_id,
        states.warehouse_id,
        states.sku,
        states.available,
        states.inbound,
        velocities.daily_units,
        velocities.as_of_date as velocity_date,
        {{ share(at_least_zero('states.available'), 'velocities.daily_units') }} as cover_days,
        {{ share(at_least_zero('states.available + states.inbound'), 'velocities.daily_units') }}
            as cover_with_inbound_days,
        coverages.daily_units as in_stock_daily_units,
        coverages.cover_days as in_stock_cover_days,
        coverages.cover_days_low as in_stock_cover_low_days,
        coverages.cover_days_high as in_stock_cover_high_days,
        coverages.as_of_date as coverage_date,
    from states
    left join velocities on states.warehouse_id = velocities.warehouse_id and states.sku = velocities.sku
    left join coverages on states.warehouse_id = coverages.warehouse_id and states.sku = coverages.sku

)

select * from covers
