{{ config(meta={'dagster': {'ref': {'name': 'stock_positions'}}}) }}
-- The units on hand are those of the rollups, which are summed as bursts come.
with

positions as (

    select
        warehouse_id,
        {{ units_where('on_hand', 'is_active') }} as on_hand,
    from {{ ref('stock_positions') }}
    group by warehouse_id

),

rollups as (

    select
        warehouse_id,
        {{ units('on_hand') }} as on_hand,
    from {{ ref('stg_core__rollups') }}
    where level = 'SKU' and warehouse_id is not null
    group by warehouse_id

)

select
    positions.warehouse_id,
    positions.on_hand,
    rollups.on_hand as rolled_up_on_hand,
from positions
full outer join rollups on positions.warehouse_id = rollups.warehouse_id
where coalesce(positions.on_hand, 0) != coalesce(rollups.on_hand, 0)
