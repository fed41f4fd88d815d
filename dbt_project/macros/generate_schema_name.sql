{# The marts are in `main` of their catalog, so that `marts.<table>` finds them in DuckDB; elsewhere in a schema of that name. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if target.type == 'duckdb' and custom_schema_name in (none, 'marts') -%}
        main
    {%- else -%}
        {{ custom_schema_name or target.schema }}
    {%- endif -%}
{%- endmacro %}
