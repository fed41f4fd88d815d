with

alerts as (

    select * from {{ source('out', 'alerts') }}

),

renamed as (

    select
        alert_id,
        warehouse_id,
        sku,
        alert_type,
        priority,
        state,
        threshold,
        available as available_at_breach,
        opened_at,
        resolved_at,
        resolved_reason,
        notification_count,
        acknowledged_by,
        is_untrusted,
        version,
    from alerts

)

select * from renamed
