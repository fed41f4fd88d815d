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
    from summed

)

select * from rates
