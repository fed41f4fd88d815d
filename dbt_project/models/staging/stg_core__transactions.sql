with

events as (

    select * from {{ source('core', 'events') }}
    where kind = 'transaction'

),

renamed as (

    select
        event_id,
        entity_key as transaction_key,
        transaction_id,
        warehouse_id,
        sku,
        to_warehouse_id,
        type as transaction_type,
        status,
        quantity,
        available as available_after,
        event_at,
        event_date,
        outcome,
        version,
    from events

)

select * from renamed
