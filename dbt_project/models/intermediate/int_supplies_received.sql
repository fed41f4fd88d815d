{# Restocks, and transfers from elsewhere: what ends a shortage. #}
with

transactions as (

    select * from {{ ref('stg_core__transactions') }}
    where transaction_type in ('RESTOCK', 'TRANSFER')

),

supplies as (

    select
        transaction_key,
        max(transaction_id) as transaction_id,
        max(transaction_type) as transaction_type,
        max(case when transaction_type = 'TRANSFER' then to_warehouse_id else warehouse_id end) as warehouse_id,
        max(sku) as sku,
        min(case when status = 'PENDING' then event_at end) as ordered_at,
        min(case when status = 'SHIPPED' then event_at end) as shipped_at,
        min(case when status = 'COMPLETED' then event_at end) as received_at,
        min(case when status = 'CANCELLED' then event_at end) as cancelled_at,
        max(case when status = 'PENDING' then quantity end) as ordered_units,
        max(case when status = 'COMPLETED' then quantity end) as received_units,
        -- A transfer's event carries the stock of its sender, which says nothing of the receiver's.
        max(case when transaction_type = 'RESTOCK' and status = 'PENDING' then available_after end)
            as available_when_ordered,
        max(case when transaction_type = 'RESTOCK' and status = 'COMPLETED' then available_after - quantity end)
            as available_before_receipt,
        max(version) as version,
    from transactions
    group by transaction_key

)

select * from supplies
