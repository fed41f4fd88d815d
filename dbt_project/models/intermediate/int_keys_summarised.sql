{# One pass over the snapshot files for all that is said of a key's days: they are the largest input there is. #}
{%- set week = 'age_days < 7' -%}
{%- set month = 'age_days < ' ~ var('month_days') -%}
{%- set previous = 'age_days >= ' ~ var('month_days') ~ ' and age_days < ' ~ 2 * var('month_days') -%}
{%- set quarter = 'age_days < ' ~ var('quarter_days') -%}
with

windows as (

    select as_of_date from {{ ref('int_windows_dated') }}

),

days as (

    select
        stocks.warehouse_id,
        stocks.sku,
        stocks.snapshot_date,
        windows.as_of_date,
        {{ days_between('stocks.snapshot_date', 'windows.as_of_date') }} as age_days,
        stocks.on_hand,
        stocks.is_active,
        stocks.stockout_seconds,
        stocks.sold_units,
    from {{ ref('stg_snapshots__daily_stocks') }} as stocks
    cross join windows

),

summarised as (

    select
        warehouse_id,
        sku,
        max(as_of_date) as as_of_date,
        min(snapshot_date) as first_snapshot_date,
        max(case when sold_units > 0 then snapshot_date end) as last_sold_date,
        max(case when stockout_seconds > 0 then snapshot_date end) as last_stockout_date,
        {{ rows_where(week) }} as week_observed_days,
        {{ rows_where(month) }} as month_observed_days,
        {{ rows_where(previous) }} as previous_month_observed_days,
        {{ rows_where(quarter) }} as quarter_observed_days,
        {{ rows_where(month ~ ' and is_active') }} as month_active_days,
        {{ rows_where(quarter ~ ' and is_active') }} as quarter_active_days,
        {{ units_where('sold_units', week) }} as week_sold_units,
        {{ units_where('sold_units', month) }} as month_sold_units,
        {{ units_where('sold_units', previous) }} as previous_month_sold_units,
        {{ units_where('sold_units', quarter) }} as quarter_sold_units,
        -- Of single days: orders of several units and weekdays make them differ more than chance would.
        var_samp(case when {{ month }} then sold_units end) as month_daily_units_variance,
        var_samp(case when {{ previous }} then sold_units end) as previous_month_daily_units_variance,
        {{ units_where('on_hand', month ~ ' and on_hand > 0') }} as month_on_hand_unit_days,
        {{ units_where('on_hand', quarter ~ ' and on_hand > 0') }} as quarter_on_hand_unit_days,
        {{ rows_where(month ~ ' and stockout_seconds > 0') }} as month_stockout_days,
        {{ rows_where(quarter ~ ' and stockout_seconds > 0') }} as quarter_stockout_days,
        {{ units_where('stockout_seconds', month) }} as month_stockout_seconds,
        {{ units_where('stockout_seconds', quarter) }} as quarter_stockout_seconds,
        -- Least squares over the days of the month; older is a greater age, hence the sign.
        -{{ share(
            'covar_pop(case when ' ~ month ~ ' then sold_units end, case when ' ~ month ~ ' then age_days end)',
            'var_pop(case when ' ~ month ~ ' then age_days end)',
        ) }} as month_daily_units_slope,
    from days
    group by warehouse_id, sku

)

select * from summarised
