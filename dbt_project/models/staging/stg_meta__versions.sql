with

versions as (

    select * from {{ source('meta', 'versions') }}

),

renamed as (

    select
        version,
        stage,
        messages,
        committed_at,
    from versions

)

select * from renamed
