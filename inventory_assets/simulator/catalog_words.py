"""The invented assortment as plain tables. No logic; names are made up, any likeness is chance."""

from typing import NamedTuple


class CategoryWords(NamedTuple):
    name: str
    nouns: tuple[str, ...]
    first_axis: tuple[str, ...]
    second_axis: tuple[str, ...]
    price_from: float
    price_to: float


class DepartmentWords(NamedTuple):
    name: str
    brands: tuple[str, ...]
    categories: tuple[CategoryWords, ...]


_COLOURS = ("Black", "White", "Silver", "Navy", "Forest Green", "Sand")
_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_ONE_SIZE = ("Standard",)

DEPARTMENTS: tuple[DepartmentWords, ...] = (
    DepartmentWords(
        "Electronics",
        ("Norvane", "Kestrel Audio", "Lumeno", "Hexar", "Brightfall", "Otaro"),
        (
            CategoryWords("Smartphones", ("Phone",), ("128GB", "256GB", "512GB"), _COLOURS, 249, 1199),
            CategoryWords("Headphones", ("Headphones", "Earbuds"), _ONE_SIZE, _COLOURS, 29, 349),
            CategoryWords(
                "Laptops", ("Notebook", "Ultrabook"), ("8GB", "16GB", "32GB"), ("Graphite", "Silver"), 499, 2199
            ),
            CategoryWords(
                "Televisions", ("OLED TV", "LED TV"), ("43 in", "55 in", "65 in", "75 in"), _ONE_SIZE, 299, 2499
            ),
            CategoryWords(
                "Smart Home",
                ("Thermostat", "Door Sensor", "Smart Bulb"),
                ("Single", "3-Pack"),
                ("White", "Black"),
                12,
                199,
            ),
            CategoryWords(
                "Chargers & Cables", ("USB-C Cable", "Wall Charger"), ("1 m", "2 m", "3 m"), ("Black", "White"), 7, 49
            ),
        ),
    ),
    DepartmentWords(
        "Home & Kitchen",
        ("Hearthside", "Maple & Iron", "Castellan", "Brookmere", "Saltwell"),
        (
            CategoryWords(
                "Cookware",
                ("Skillet", "Saucepan", "Stockpot"),
                ("20 cm", "24 cm", "28 cm"),
                ("Steel", "Cast Iron"),
                19,
                159,
            ),
            CategoryWords(
                "Bedding",
                ("Duvet Cover", "Sheet Set"),
                ("Single", "Double", "King"),
                ("White", "Slate", "Sage"),
                24,
                139,
            ),
            CategoryWords(
                "Small Appliances",
                ("Kettle", "Toaster", "Blender"),
                _ONE_SIZE,
                ("Black", "Cream", "Red", "Steel"),
                24,
                199,
            ),
            CategoryWords(
                "Storage", ("Storage Box", "Shelf Unit"), ("Small", "Medium", "Large"), ("Clear", "Oak"), 6, 89
            ),
            CategoryWords(
                "Lighting", ("Table Lamp", "Floor Lamp", "Pendant"), _ONE_SIZE, ("Brass", "Black", "White"), 19, 229
            ),
        ),
    ),
    DepartmentWords(
        "Apparel",
        ("Alder & Finch", "Tidemark", "Coldharbour", "Meridian Row", "Wrenfield"),
        (
            CategoryWords("T-Shirts", ("Tee", "Long Sleeve Tee"), _SIZES, _COLOURS, 12, 45),
            CategoryWords(
                "Jeans",
                ("Slim Jeans", "Straight Jeans"),
                ("28", "30", "32", "34", "36"),
                ("Indigo", "Black", "Washed"),
                39,
                129,
            ),
            CategoryWords("Jackets", ("Rain Jacket", "Down Jacket"), _SIZES, ("Black", "Olive", "Navy"), 69, 299),
            CategoryWords(
                "Shoes",
                ("Sneaker", "Chelsea Boot"),
                ("EU 37", "EU 39", "EU 41", "EU 43", "EU 45"),
                ("White", "Black", "Tan"),
                49,
                189,
            ),
            CategoryWords("Socks", ("Crew Socks", "Ankle Socks"), ("S/M", "L/XL"), ("3-Pack", "6-Pack"), 7, 25),
        ),
    ),
    DepartmentWords(
        "Sports & Outdoors",
        ("Ridgeback", "Peak Theory", "Northlake", "Velora"),
        (
            CategoryWords(
                "Camping",
                ("Tent", "Sleeping Bag", "Camp Stove"),
                ("1 Person", "2 Person", "4 Person"),
                ("Green", "Orange"),
                29,
                449,
            ),
            CategoryWords(
                "Fitness", ("Kettlebell", "Dumbbell"), ("4 kg", "8 kg", "12 kg", "16 kg", "24 kg"), _ONE_SIZE, 15, 99
            ),
            CategoryWords(
                "Cycling", ("Helmet", "Bike Light", "Floor Pump"), ("S", "M", "L"), ("Black", "Yellow"), 19, 149
            ),
            CategoryWords("Running", ("Running Shoe", "Running Vest"), _SIZES, ("Black", "Coral", "Sky"), 35, 169),
            CategoryWords("Yoga", ("Yoga Mat", "Cork Block"), ("4 mm", "6 mm"), ("Sand", "Plum", "Teal"), 14, 79),
        ),
    ),
    DepartmentWords(
        "Beauty & Health",
        ("Dew & Clay", "Verbena Lab", "Saffra", "Oakmilk"),
        (
            CategoryWords(
                "Skincare", ("Day Cream", "Serum", "Cleanser"), ("30 ml", "50 ml", "100 ml"), _ONE_SIZE, 9, 89
            ),
            CategoryWords(
                "Haircare", ("Shampoo", "Conditioner"), ("250 ml", "500 ml", "1 l"), ("Mint", "Argan"), 5, 35
            ),
            CategoryWords("Oral Care", ("Toothbrush", "Toothpaste"), ("Single", "4-Pack"), ("Soft", "Medium"), 3, 19),
            CategoryWords(
                "Vitamins", ("Vitamin D3", "Omega-3", "Magnesium"), ("60 Capsules", "120 Capsules"), _ONE_SIZE, 8, 39
            ),
        ),
    ),
    DepartmentWords(
        "Toys & Games",
        ("Pinwheel", "Little Quarry", "Foxglove Games", "Tumblebrick"),
        (
            CategoryWords(
                "Building Sets",
                ("Castle Set", "Space Set", "City Set"),
                ("120 Pieces", "350 Pieces", "900 Pieces"),
                _ONE_SIZE,
                12,
                149,
            ),
            CategoryWords(
                "Board Games",
                ("Strategy Game", "Party Game"),
                ("Base Game", "Expansion"),
                ("English", "Spanish"),
                15,
                69,
            ),
            CategoryWords(
                "Puzzles", ("Jigsaw",), ("500 Pieces", "1000 Pieces"), ("Harbour", "Forest", "Old Town"), 9, 29
            ),
            CategoryWords("Plush", ("Bear", "Rabbit", "Fox"), ("Small", "Large"), ("Brown", "Grey"), 9, 45),
        ),
    ),
    DepartmentWords(
        "Grocery",
        ("Amberfield", "Casa Olmo", "Millstone", "Good Larder"),
        (
            CategoryWords(
                "Coffee",
                ("Espresso Beans", "Filter Coffee"),
                ("250 g", "500 g", "1 kg"),
                ("Whole Bean", "Ground"),
                5,
                32,
            ),
            CategoryWords("Tea", ("Green Tea", "Earl Grey", "Rooibos"), ("20 Bags", "80 Bags"), _ONE_SIZE, 3, 14),
            CategoryWords(
                "Pasta & Rice", ("Penne", "Spaghetti", "Basmati"), ("500 g", "1 kg", "5 kg"), _ONE_SIZE, 2, 16
            ),
            CategoryWords(
                "Snacks", ("Almonds", "Oat Bar", "Crackers"), ("Single", "12-Pack"), ("Sea Salt", "Honey"), 2, 24
            ),
            CategoryWords("Olive Oil", ("Extra Virgin Oil",), ("500 ml", "1 l", "5 l"), ("Mild", "Robust"), 8, 59),
        ),
    ),
    DepartmentWords(
        "Office & Stationery",
        ("Quillmark", "Deskwright", "Folio North"),
        (
            CategoryWords(
                "Notebooks", ("Dot Notebook", "Ruled Notebook"), ("A5", "A4"), ("Black", "Red", "Sage"), 4, 29
            ),
            CategoryWords("Pens", ("Gel Pen", "Fountain Pen"), ("0.5 mm", "0.7 mm"), ("Black", "Blue"), 2, 79),
            CategoryWords("Desk Chairs", ("Task Chair", "Mesh Chair"), _ONE_SIZE, ("Black", "Grey", "Blue"), 89, 499),
            CategoryWords("Paper", ("Copy Paper",), ("1 Ream", "5 Reams"), ("80 g", "100 g"), 5, 45),
        ),
    ),
)

SERIES: tuple[str, ...] = (
    "Pulse", "Arc", "Solstice", "Drift", "Orbit", "Cinder", "Haven", "Ridge", "Echo", "Vale",
    "Nimbus", "Tempo", "Atlas", "Coral", "Birch", "Zephyr", "Summit", "Prism", "Harbor", "Lark",
    "Ember", "Quartz", "Willow", "Fjord", "Comet", "Juniper", "Mesa", "Onyx", "Rivet", "Saga",
)  # fmt: skip

WAREHOUSE_REGIONS: tuple[str, ...] = ("EAST", "WEST", "NORTH", "SOUTH", "CENTRAL")
