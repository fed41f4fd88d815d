with

velocities as (

    select * from {{ source('core', 'velocity') }}

),

renamed as (

    select
        warehouse_id,
        sku,
        as_of_date,
        daily_units,
        version,
    from velocities

)

select * from renamed
