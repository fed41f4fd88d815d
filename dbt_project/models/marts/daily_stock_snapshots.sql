{# A view: the files hold a row per key and day already, and a copy of millions of rows a day would say no more. #}
{{ config(materialized='view') }}
with

stocks as (

    select * from {{ ref('stg_snapshots__daily_stocks') }}

),

snapshots as (

    select
        {{ key_of(['snapshot_date', 'warehouse_id', 'sku']) }} as daily_stock_snapshot_id,
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

)

select * from snapshots
