with

versions as (

    select
        max(version) as lake_version,
        max(committed_at) as lake_committed_at,
    from {{ ref('stg_meta__versions') }}

),

windows as (

    select * from {{ ref('int_windows_dated') }}

),

builds as (

    select
        '{{ invocation_id }}' as build_id,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp) as built_at,
        versions.lake_version,
        versions.lake_committed_at,
        windows.first_snapshot_date,
        windows.as_of_date,
        windows.snapshot_days,
        windows.version as snapshots_version,
    from versions
    cross join windows

)

select * from builds
