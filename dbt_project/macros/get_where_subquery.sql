{# Lets a test of a large table say `where: "recent event_date"`: its newest week only. Older days were tested when
   they were new, and a file that changes later is checked by its manifest. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where and where.startswith('recent ') -%}
        {%- set column = where.split(' ')[1] -%}
        {%- set newest = 'select max(' ~ column ~ ') from ' ~ relation -%}
        {%- set where = column ~ ' > ' ~ days_before('(' ~ newest ~ ')', 7) -%}
    {%- endif -%}
    {%- if where -%}
        (select * from {{ relation }} where {{ where }}) as dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
