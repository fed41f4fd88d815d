with

thresholds as (

    select * from {{ source('core', 'resolved_thresholds') }}

),

renamed as (

    select
        warehouse_id,
        sku,
        min_threshold_qty,
        reorder_threshold_qty,
        min_threshold_days,
        reorder_threshold_days,
        is_enabled,
        rule_level_type,
        rule_level_id,
        rule_warehouse_id,
        version,
    from thresholds

)

select * from renamed
