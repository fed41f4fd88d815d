with

stocks as (

    select * from {{ ref('stg_snapshots__daily_stocks') }}

),

summed as (

    select
        {{ key_of(['snapshot_date', 'warehouse_id']) }} as daily_warehouse_stock_id,
        snapshot_date,
        warehouse_id,
        {{ rows_where('is_active') }} as active_keys,
        {{ units_where('on_hand', 'is_active') }} as on_hand,
        {{ units_where('reserved', 'is_active') }} as reserved,
        {{ units_where('available', 'is_active') }} as available,
        {{ units_where('inbound', 'is_active') }} as inbound,
        {{ units('sold_units') }} as sold_units,
        {{ rows_where('is_active and available <= 0') }} as out_keys,
        {{ rows_where('stockout_seconds > 0') }} as stockout_keys,
        {{ units('stockout_seconds') }} as stockout_seconds,
        1 - {{ share(units_where('stockout_seconds', 'is_active'), '86400 * ' ~ rows_where('is_active')) }}
            as in_stock_share,
        max(version) as version,
    from stocks
    group by snapshot_date, warehouse_id

)

select * from summed
