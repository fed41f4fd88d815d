with

qualities as (

    select * from {{ source('out', 'alert_quality') }}

),

renamed as (

    select
        alert_id,
        rule,
        owner,
        first_told_at,
        first_acknowledged_at,
        acknowledge_minutes,
        resolve_minutes,
        told as told_count,
        reopened as reopened_count,
        is_false,
        is_repeat,
        version,
    from qualities

)

select * from renamed
