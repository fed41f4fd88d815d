with

plans as (

    select * from {{ source('out', 'plans') }}

),

renamed as (

    select
        line_id,
        warehouse_id,
        sku,
        plan_date,
        reason,
        is_urgent,
        runs_out_on,
        order_by as order_by_date,
        order_quantity,
        risk_percent,
        revenue_at_risk,
        version,
    from plans

)

select * from renamed
