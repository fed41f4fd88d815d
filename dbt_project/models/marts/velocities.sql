with

keys as (

    select * from {{ ref('int_keys_summarised') }}

),

alerting as (

    select * from {{ ref('stg_core__velocities') }}

),

rates as (

    select
        {{ key_of(['keys.warehouse_id', 'keys.sku']) }} as velocity_id,
        keys.warehouse_id,
        keys.sku,
        keys.as_of_date,
        keys.quarter_observed_days as observed_days,
        alerting.daily_units as alerting_daily_units,
        {{ share('keys.week_sold_units', 'keys.week_observed_days') }} as week_daily_units,
        {{ share('keys.month_sold_units', 'keys.month_observed_days') }} as month_daily_units,
        {{ share('keys.quarter_sold_units', 'keys.quarter_observed_days') }} as quarter_daily_units,
        {{ share('keys.previous_month_sold_units', 'keys.previous_month_observed_days') }}
            as previous_month_daily_units,
        keys.month_daily_units_slope,
        {{ change_score(
            'keys.month_sold_units', 'keys.month_observed_days', 'keys.month_daily_units_variance',
            'keys.previous_month_sold_units', 'keys.previous_month_observed_days',
            'keys.previous_month_daily_units_variance',
        ) }} as change_score,
        keys.last_sold_date,
    from keys
    left join alerting on keys.warehouse_id = alerting.warehouse_id and keys.sku = alerting.sku

),

compared as (

    select
        *,
        {{ share('month_daily_units - previous_month_daily_units', 'previous_month_daily_units') }} as change_share,
    from rates

),

velocities as (

    select
        *,
        case
            when change_score is null then null
            -- So small a change is none, however sure it is; from nothing at all it has no share.
            when abs(change_share) <= {{ var('trend_share') }} then 'steady'
            when change_score > {{ var('trend_score') }} then 'rising'
            when change_score < -{{ var('trend_score') }} then 'falling'
            else 'steady'
        end as trend,
    from compared

)

select * from velocities
