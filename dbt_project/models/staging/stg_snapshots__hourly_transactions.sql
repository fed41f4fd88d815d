with

transactions as (

    select * from {{ source('snapshots', 'hourly_transactions') }}

),

renamed as (

    select
        hour as hour_at,
        event_date,
        warehouse_id,
        sku,
        type as transaction_type,
        status,
        transactions as transaction_count,
        quantity,
        largest_quantity,
        version,
    from transactions

)

select * from renamed
