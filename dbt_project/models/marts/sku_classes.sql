with

keys as (

    select
        sku,
        {{ units('quarter_sold_units') }} as sold_units,
    from {{ ref('int_keys_summarised') }}
    group by sku

),

weeks as (

    select
        sku,
        count(*) as weeks,
        avg(sold_units) as weekly_units,
        stddev_pop(sold_units) as weekly_deviation,
    from {{ ref('int_sku_weeks_summed') }}
    group by sku

),

products as (

    select * from {{ ref('stg_core__products') }}

),

sold as (

    select
        keys.sku,
        products.product_name,
        keys.sold_units,
        products.unit_price,
        keys.sold_units * products.unit_price as revenue,
        weeks.weeks,
        weeks.weekly_units,
        -- More taken back than sold is no demand that could vary.
        case
            when weeks.weeks >= {{ var('least_weeks') }} and weeks.weekly_units > 0
            then weeks.weekly_deviation / weeks.weekly_units
        end as weekly_variation,
    from keys
    left join weeks on keys.sku = weeks.sku
    left join products on keys.sku = products.sku

),

ranked as (

    select
        *,
        -- What those before it make: the one that crosses the line still belongs above it.
        {{ share(
            'sum(sold_units) over (order by sold_units desc, sku rows unbounded preceding) - sold_units',
            'sum(sold_units) over ()',
        ) }} as units_share_before,
        {{ share(
            'sum(revenue) over (order by revenue desc nulls last, sku rows unbounded preceding) - revenue',
            'sum(revenue) over ()',
        ) }} as revenue_share_before,
    from sold

),

classed as (

    select
        sku as sku_class_id,
        sku,
        product_name,
        sold_units,
        unit_price,
        revenue,
        weeks,
        weekly_units,
        weekly_variation,
        {{ abc_class('units_share_before', 'sold_units') }} as abc_units_class,
        {{ abc_class('revenue_share_before', 'revenue') }} as abc_revenue_class,
        case
            when weekly_variation is null then null
            when weekly_variation <= {{ var('x_variation') }} then 'X'
            when weekly_variation <= {{ var('y_variation') }} then 'Y'
            else 'Z'
        end as xyz_class,
    from ranked

)

select * from classed
