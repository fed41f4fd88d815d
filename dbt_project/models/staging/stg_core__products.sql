with

products as (

    select * from {{ source('core', 'products') }}

),

renamed as (

    select
        sku,
        product_name,
        variant_name,
        brand_name,
        category_name,
        department_name,
        supplier_id,
        lead_time_days,
        order_up_to,
        unit_price,
        pack_multiple,
        min_order_qty,
        version,
    from products

)

select * from renamed
