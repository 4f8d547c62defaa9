"""A bank of two customers whose files hold what row lineage has to find: corrections, and records of several lines."""

from datetime import date
from pathlib import Path

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all

BUSINESS_DATE = date(2025, 10, 15)
FILES = {
    "customers_2025-08.csv": (
        "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
        "1,Ada,Lovelace,36,F,France,true,12,2024-08-01\n"
        "2,Alan,Turing,41,M,Germany,true,3,2025-05-01\n"
    ),
    "customers_2025-09.csv": (
        "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
        "2,Alan,Turing,41,M,Germany,true,4,2025-05-01\n"
        "1,Ada,Lovelace,36,F,Spain,true,13,2024-08-01\n"
    ),
    "customer_support_tickets.csv": (
        "ticket_id,customer_id,issue_type,severity,resolution_time_hrs,opened_at\n"
        '1001,1,"Payment\n\nDelay",Low,2.50,2025-09-03 10:00:00\n'
        '1002,1,"Card ""gold""\nlost",High,,2025-09-20 08:00:00\n'
        "1003,2,Login,Low,1.00,2025-09-05 12:00:00\n"
    ),
    "usage_1.json": (
        '{"usage_log_id": 1, "customer_id": 1, "product_type": "Savings", "monthly_balance": 100.00, "num_products": 1,'
        ' "usage_date": "2025-08-30"}\n'
        "\n"
        '{"usage_log_id": 2, "customer_id": 1, "product_type": "Savings", "monthly_balance": 250.00, "num_products": 1,'
        ' "usage_date": "2025-09-28"}\n'
        '{"usage_log_id": 3, "customer_id": 2, "product_type": "Current", "monthly_balance": 10.00, "num_products": 1,'
        ' "usage_date": "2025-09-29"}\n'
    ),
    "usage_2.json": (
        '{"usage_log_id": 4, "customer_id": 1, "product_type": "Savings", "monthly_balance": 300.00, "num_products": 1,'
        ' "usage_date": "2025-10-09"}\n'
        '{"usage_log_id": 2, "customer_id": 1, "product_type": "Savings", "monthly_balance": 275.00, "num_products": 1,'
        ' "usage_date": "2025-09-28"}\n'
    ),
    "offers.csv": (
        "offer_id,customer_id,offer_type,accepted,date_offered\n"
        "7,2,Credit Card,true,2025-09-10\n"
        "8,no customer,Loan,true,2025-09-10\n"
        "9,1,Loan,false,2025-09-11\n"
    ),
}


def make_bank(folder: Path) -> Project:
    """The bank as a project, loaded and built."""
    make_project(folder, "bank")
    for name, text in FILES.items():
        (folder / "landing" / name).write_text(text, encoding="utf-8")
    project = open_project(folder)
    run_all(project, BUSINESS_DATE)
    return project
