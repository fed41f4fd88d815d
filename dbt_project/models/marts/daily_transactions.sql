with

transactions as (

    select * from {{ ref('stg_snapshots__hourly_transactions') }}

),

summed as (

    select
        event_date,
        warehouse_id,
        sku,
        {{ units('transaction_count') }} as transaction_count,
        {{ completed_units() }},
        {{ status_counts() }},
        max(largest_quantity) as largest_quantity,
        max(version) as version,
    from transactions
    group by event_date, warehouse_id, sku

),

keyed as (

    select
        {{ key_of(['event_date', 'warehouse_id', 'sku']) }} as daily_transaction_id,
        summed.*,
    from summed

)

select * from keyed
