{# An order asks for stock once: when it is first seen. A PENDING order reserves, so its COMPLETED changes nothing
   that is available; where no PENDING was seen, COMPLETED is when it asks. #}
with

windows as (

    select as_of_date from {{ ref('int_windows_dated') }}

),

orders as (

    select
        transactions.transaction_key,
        transactions.warehouse_id,
        transactions.sku,
        transactions.event_date,
        transactions.event_at,
        -transactions.quantity as ordered_units,
        transactions.available_after,
        windows.as_of_date,
    from {{ ref('stg_core__transactions') }} as transactions
    cross join windows
    where
        transactions.transaction_type = 'ORDER'
        and transactions.status in ('PENDING', 'COMPLETED')
        -- A month more than is judged, for orders that were placed before it and completed in it.
        and {{ days_between('transactions.event_date', 'windows.as_of_date') }} < {{ 2 * var('month_days') }}
        and transactions.event_date <= windows.as_of_date

),

first_versions as (

    select
        transaction_key,
        min(event_at) as first_event_at,
    from orders
    group by transaction_key

),

judged as (

    select
        orders.transaction_key,
        min(orders.warehouse_id) as warehouse_id,
        min(orders.sku) as sku,
        min(orders.event_date) as order_date,
        min(orders.ordered_units) as ordered_units,
        min(orders.available_after) as available_after,
    from orders
    inner join first_versions
        on
            orders.transaction_key = first_versions.transaction_key
            and orders.event_at = first_versions.first_event_at
    where {{ days_between('orders.event_date', 'orders.as_of_date') }} < {{ var('month_days') }}
    group by orders.transaction_key

),

with_shortage as (

    select
        transaction_key,
        warehouse_id,
        sku,
        order_date,
        ordered_units,
        available_after,
        case
            when available_after >= 0 then 0
            when -available_after > ordered_units then ordered_units
            else -available_after
        end as short_units,
    from judged

)

select * from with_shortage
