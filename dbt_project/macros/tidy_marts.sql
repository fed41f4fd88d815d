{# Every build writes new files. What earlier builds wrote stays an hour, for queries that run; then it goes. #}
{% macro tidy_marts() -%}
    {{ return(adapter.dispatch('tidy_marts', 'inventory')()) }}
{%- endmacro %}

{% macro duckdb__tidy_marts() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set old = "now() - interval '1 hour'" -%}
        call ducklake_expire_snapshots('marts', older_than => {{ old }});
        call ducklake_cleanup_old_files('marts', older_than => {{ old }});
        call ducklake_delete_orphaned_files('marts', older_than => {{ old }});
    {%- endif -%}
{%- endmacro %}

{% macro bigquery__tidy_marts() -%}{%- endmacro %}
