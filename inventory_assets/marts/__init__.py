"""Run dbt on the lake. What a mart holds is `dbt_project`'s."""
