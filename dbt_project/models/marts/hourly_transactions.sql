with

transactions as (

    select * from {{ ref('stg_snapshots__hourly_transactions') }}

),

summed as (

    select
        {{ key_of(['hour_at', 'warehouse_id']) }} as hourly_transaction_id,
        hour_at,
        max(event_date) as event_date,
        warehouse_id,
        count(distinct sku) as skus,
        {{ units('transaction_count') }} as transaction_count,
        {{ completed_units() }},
        {{ status_counts() }},
        max(largest_quantity) as largest_quantity,
        max(version) as version,
    from transactions
    group by hour_at, warehouse_id

)

select * from summed
