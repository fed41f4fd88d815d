with

rollups as (

    select * from {{ source('core', 'rollups') }}

),

renamed as (

    select
        warehouse_id,
        level,
        level_id,
        parent_id,
        on_hand,
        reserved,
        available,
        inbound,
        sku_count,
        version,
    from rollups

)

select * from renamed
