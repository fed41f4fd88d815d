with

states as (

    select * from {{ source('core', 'sku_state') }}

),

renamed as (

    select
        warehouse_id,
        sku,
        on_hand,
        reserved,
        available,
        inbound,
        is_active,
        is_negative,
        is_over_reserved,
        is_restock_in_progress,
        department_id,
        category_id,
        brand_id,
        product_id,
        event_count,
        last_event_at,
        version,
    from states

)

select * from renamed
