with

stocks as (

    select * from {{ ref('stg_snapshots__daily_stocks') }}

),

dated as (

    select
        max(snapshot_date) as as_of_date,
        min(snapshot_date) as first_snapshot_date,
        count(distinct snapshot_date) as snapshot_days,
        max(version) as version,
    from stocks

)

select * from dated
