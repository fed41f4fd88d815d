"""placeholder"""
import click
@click.command()
def run():
    """Run all."""
