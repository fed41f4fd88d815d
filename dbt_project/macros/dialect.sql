{# What DuckDB and BigQuery spell differently. A model uses these, and SQL that both understand. #}

{# One text per combination of columns, whatever characters the ids have: a JSON array. #}
{% macro key_of(columns) -%}
    {{ return(adapter.dispatch('key_of', 'inventory')(columns)) }}
{%- endmacro %}

{% macro duckdb__key_of(columns) -%}
    cast(to_json([
        {%- for column in columns -%} cast({{ column }} as varchar){{ ', ' if not loop.last }} {%- endfor -%}
    ]) as varchar)
{%- endmacro %}

{% macro bigquery__key_of(columns) -%}
    to_json_string([
        {%- for column in columns -%} cast({{ column }} as string){{ ', ' if not loop.last }} {%- endfor -%}
    ])
{%- endmacro %}

{# A text at a path of a JSON text; null where there is none. #}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'inventory')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, path) -%} json_extract_string({{ column }}, '{{ path }}') {%- endmacro %}

{% macro bigquery__json_text(column, path) -%} json_value({{ column }}, '{{ path }}') {%- endmacro %}

{# Seconds, with their fraction, from one time to another. #}
{% macro seconds_between(began_at, ended_at) -%}
    {{ return(adapter.dispatch('seconds_between', 'inventory')(began_at, ended_at)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(began_at, ended_at) -%}
    (epoch({{ ended_at }}) - epoch({{ began_at }}))
{%- endmacro %}

{% macro bigquery__seconds_between(began_at, ended_at) -%}
    (timestamp_diff({{ ended_at }}, {{ began_at }}, microsecond) / 1000000)
{%- endmacro %}

{# Whole days from one date to another. #}
{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch('days_between', 'inventory')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_date, last_date) -%} ({{ last_date }} - {{ first_date }}) {%- endmacro %}

{% macro bigquery__days_between(first_date, last_date) -%}
    date_diff({{ last_date }}, {{ first_date }}, day)
{%- endmacro %}

{# The date some days before another. #}
{% macro days_before(date, days) -%}
    {{ return(adapter.dispatch('days_before', 'inventory')(date, days)) }}
{%- endmacro %}

{% macro duckdb__days_before(date, days) -%} ({{ date }} - {{ days }}) {%- endmacro %}

{% macro bigquery__days_before(date, days) -%} date_sub({{ date }}, interval {{ days }} day) {%- endmacro %}

{# The Monday of a date's week. #}
{% macro week_of(date) -%}
    {{ return(adapter.dispatch('week_of', 'inventory')(date)) }}
{%- endmacro %}

{% macro duckdb__week_of(date) -%} cast(date_trunc('week', {{ date }}) as date) {%- endmacro %}

{% macro bigquery__week_of(date) -%} date_trunc({{ date }}, isoweek) {%- endmacro %}

{% macro double_type() -%}
    {{ return(adapter.dispatch('double_type', 'inventory')()) }}
{%- endmacro %}

{% macro duckdb__double_type() -%} double {%- endmacro %}

{% macro bigquery__double_type() -%} float64 {%- endmacro %}

{% macro median_of(expression) -%}
    {{ return(adapter.dispatch('median_of', 'inventory')(expression)) }}
{%- endmacro %}

{% macro duckdb__median_of(expression) -%} median({{ expression }}) {%- endmacro %}

{# BigQuery has no exact median as an aggregate; of a few thousand values this one is exact. #}
{% macro bigquery__median_of(expression) -%} approx_quantiles({{ expression }}, 2)[offset(1)] {%- endmacro %}
