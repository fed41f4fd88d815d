with

alerts as (

    select * from {{ ref('alert_responses') }}

),

summed as (

    select
        {{ key_of(['opened_date', 'warehouse_id', 'alert_type']) }} as daily_alert_id,
        opened_date,
        warehouse_id,
        alert_type,
        count(*) as opened_count,
        {{ rows_where("state = 'firing'") }} as firing_count,
        {{ rows_where('is_false') }} as false_count,
        {{ rows_where('is_repeat') }} as repeat_count,
        {{ rows_where('received_at is not null') }} as supplied_count,
        {{ units('notification_count') }} as notification_count,
        {{ median_of('acknowledge_minutes') }} as median_acknowledge_minutes,
        {{ median_of('receipt_hours') }} as median_receipt_hours,
        {{ median_of('resolve_hours') }} as median_resolve_hours,
    from alerts
    group by opened_date, warehouse_id, alert_type

)

select * from summed
