{%- set weeks = var('quarter_days') // 7 -%}
with

windows as (

    select as_of_date from {{ ref('int_windows_dated') }}

),

days as (

    select
        stocks.sku,
        stocks.sold_units,
        cast(floor({{ days_between('stocks.snapshot_date', 'windows.as_of_date') }} / 7) as bigint) as weeks_ago,
    from {{ ref('stg_snapshots__daily_stocks') }} as stocks
    cross join windows

),

summed as (

    select
        sku,
        weeks_ago,
        {{ units('sold_units') }} as sold_units,
    from days
    where weeks_ago < {{ weeks }}
    group by sku, weeks_ago

)

select * from summed
