with

keys as (

    select * from {{ ref('int_keys_summarised') }}

),

positions as (

    select * from {{ ref('stock_positions') }}
    where is_active and on_hand > 0

),

waiting as (

    select
        {{ key_of(['positions.warehouse_id', 'positions.sku']) }} as dead_stock_id,
        positions.warehouse_id,
        positions.sku,
        positions.product_name,
        positions.department_id,
        positions.category_id,
        positions.on_hand,
        positions.on_hand * positions.unit_price as inventory_value,
        keys.last_sold_date,
        keys.first_snapshot_date,
        keys.as_of_date,
        {{ days_between('coalesce(keys.last_sold_date, keys.first_snapshot_date)', 'keys.as_of_date') }}
            as unsold_days,
    from positions
    inner join keys on positions.warehouse_id = keys.warehouse_id and positions.sku = keys.sku

),

dead as (

    select * from waiting
    where unsold_days >= {{ var('dead_days') }}

)

select * from dead
