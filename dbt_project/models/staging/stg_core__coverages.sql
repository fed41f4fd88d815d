with

coverages as (

    select * from {{ source('core', 'coverage') }}

),

renamed as (

    select
        warehouse_id,
        sku,
        as_of_date,
        daily_units,
        daily_deviation,
        in_stock_days,
        stockout_days,
        cover_days,
        cover_days_low,
        cover_days_high,
        version,
    from coverages

)

select * from renamed
