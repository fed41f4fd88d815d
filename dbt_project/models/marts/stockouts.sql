{# Neighbouring days with a stockout are one stockout: a shelf that is empty over midnight is empty once. #}
with

days as (

    select
        warehouse_id,
        sku,
        snapshot_date,
        available,
        is_active,
        stockout_seconds,
        {{ days_between("cast('2000-01-01' as date)", 'snapshot_date') }} as day_number,
    from {{ ref('stg_snapshots__daily_stocks') }}
    where stockout_seconds > 0

),

numbered as (

    select
        *,
        -- The same for neighbouring days, whose numbers both grow by one.
        day_number - row_number() over (partition by warehouse_id, sku order by snapshot_date) as island,
    from days

),

windows as (

    select as_of_date from {{ ref('int_windows_dated') }}

),

episodes as (

    select
        warehouse_id,
        sku,
        min(snapshot_date) as first_date,
        max(snapshot_date) as last_date,
        count(*) as stockout_days,
        {{ units('stockout_seconds') }} as stockout_seconds,
        min(available) as least_available,
        max_by(available, snapshot_date) as last_available,
        max_by(is_active, snapshot_date) as is_last_active,
    from numbered
    group by warehouse_id, sku, island

),

stockouts as (

    select
        {{ key_of(['episodes.warehouse_id', 'episodes.sku', 'episodes.first_date']) }} as stockout_id,
        episodes.warehouse_id,
        episodes.sku,
        episodes.first_date,
        episodes.last_date,
        episodes.stockout_days,
        episodes.stockout_seconds,
        episodes.stockout_seconds / 3600 as stockout_hours,
        episodes.least_available,
        coalesce(
            episodes.last_date = windows.as_of_date and episodes.is_last_active and episodes.last_available <= 0,
            false
        ) as is_ongoing,
    from episodes
    cross join windows

)

select * from stockouts
