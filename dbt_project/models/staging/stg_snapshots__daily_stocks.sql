with

stocks as (

    select * from {{ source('snapshots', 'daily_stock') }}

),

complete_days as (

    select
        snapshot_date,
        warehouse_id,
        sku,
        on_hand,
        reserved,
        available,
        inbound,
        is_active,
        stockout_seconds,
        sold_units,
        last_event_at,
        version,
    from stocks
    where snapshot_date < {{ today() }}

)

select * from complete_days
