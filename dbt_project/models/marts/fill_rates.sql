with

orders as (

    select * from {{ ref('int_orders_judged') }}

),

summed as (

    select
        warehouse_id,
        sku,
        count(*) as orders,
        {{ rows_where('short_units is not null') }} as judged_orders,
        {{ rows_where('short_units > 0') }} as short_orders,
        {{ units_where('ordered_units', 'short_units is not null') }} as judged_units,
        {{ units_where('short_units', 'short_units is not null') }} as short_units,
    from orders
    group by warehouse_id, sku

),

demand as (

    select
        keys.warehouse_id,
        keys.sku,
        keys.month_stockout_seconds / 3600 as stockout_hours,
        coverages.daily_units as in_stock_daily_units,
        case
            when keys.month_stockout_seconds = 0 then 0
            else coverages.daily_units * keys.month_stockout_seconds / 86400
        end as units_without_stock,
    from {{ ref('int_keys_summarised') }} as keys
    left join {{ ref('stg_core__coverages') }} as coverages
        on keys.warehouse_id = coverages.warehouse_id and keys.sku = coverages.sku

),

joined as (

    select
        coalesce(demand.warehouse_id, summed.warehouse_id) as warehouse_id,
        coalesce(demand.sku, summed.sku) as sku,
        coalesce(summed.orders, 0) as orders,
        coalesce(summed.judged_orders, 0) as judged_orders,
        coalesce(summed.short_orders, 0) as short_orders,
        coalesce(summed.judged_units, 0) as judged_units,
        coalesce(summed.short_units, 0) as short_units,
        demand.stockout_hours,
        demand.in_stock_daily_units,
        -- What was ordered and not there is known, and part of it.
        {{ at_least_zero('demand.units_without_stock - coalesce(summed.short_units, 0)') }} as estimated_unmet_units,
    from demand
    full outer join summed on demand.warehouse_id = summed.warehouse_id and demand.sku = summed.sku

),

rates as (

    select
        {{ key_of(['warehouse_id', 'sku']) }} as fill_rate_id,
        warehouse_id,
        sku,
        orders,
        judged_orders,
        short_orders,
        judged_units,
        short_units,
        1 - {{ share('short_units', 'judged_units') }} as fill_rate,
        1 - {{ share('short_orders', 'judged_orders') }} as order_fill_rate,
        stockout_hours,
        in_stock_daily_units,
        estimated_unmet_units,
        {{ share('judged_units - short_units', 'judged_units + estimated_unmet_units') }} as estimated_demand_fill_rate,
    from joined

)

select * from rates
