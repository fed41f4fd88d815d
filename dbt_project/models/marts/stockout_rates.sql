with

keys as (

    select * from {{ ref('int_keys_summarised') }}

),

episodes as (

    select
        stockouts.warehouse_id,
        stockouts.sku,
        count(*) as stockouts,
        max(stockouts.stockout_hours) as longest_stockout_hours,
        max(case when stockouts.is_ongoing then 1 else 0 end) as ongoing,
    from {{ ref('stockouts') }} as stockouts
    inner join keys on stockouts.warehouse_id = keys.warehouse_id and stockouts.sku = keys.sku
    where {{ days_between('stockouts.last_date', 'keys.as_of_date') }} < {{ var('quarter_days') }}
    group by stockouts.warehouse_id, stockouts.sku

),

rates as (

    select
        {{ key_of(['keys.warehouse_id', 'keys.sku']) }} as stockout_rate_id,
        keys.warehouse_id,
        keys.sku,
        keys.as_of_date,
        keys.quarter_active_days as active_days,
        keys.quarter_stockout_days as stockout_days,
        coalesce(episodes.stockouts, 0) as stockouts,
        keys.quarter_stockout_seconds / 3600 as stockout_hours,
        {{ share('keys.quarter_stockout_seconds / 3600', 'episodes.stockouts') }} as mean_stockout_hours,
        episodes.longest_stockout_hours,
        -- Out for longer than active: the key was switched off on a day it was out.
        {{ at_least_zero('1 - ' ~ share('keys.quarter_stockout_seconds', '86400 * keys.quarter_active_days')) }}
            as in_stock_share,
        keys.last_stockout_date,
        coalesce(episodes.ongoing, 0) = 1 as is_out,
    from keys
    left join episodes on keys.warehouse_id = episodes.warehouse_id and keys.sku = episodes.sku

)

select * from rates
