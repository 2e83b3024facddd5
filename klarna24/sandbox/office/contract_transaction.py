"""The contract of the Transaction service as field tables, and all five services by address."""

from klarna24.sandbox.office.contract import ACCOUNT, AUTHENTICATE, CLIENT, COMPANY
from klarna24.sandbox.office.schema import Service, table

TRANSACTION = Service(
    "Transaction",
    "/Economy/Accounting/V001/TransactionService.asmx",
    "http://24sevenoffice.com/webservices/economy/accounting/",
    ("GetTransactions", "GetFiscalYears"),
    table("""
        [GetFiscalYears]
        [GetFiscalYearsResponse]
        GetFiscalYearsResult ArrayOfFiscalYear
        [ArrayOfFiscalYear]
        FiscalYear FiscalYear * ?
        [FiscalYear]
        Id guid !
        StartingDate dateTime !
        EndingDate dateTime !
        IsLocked boolean !
        [GetTransactions]
        searchParams TransactionSearchParameters
        [TransactionSearchParameters]
        DateSearchParameters DateSearchParameters =EntryDate
        ShowOpenEntries boolean ?
        LinkId int =-2147483648
        DateStart dateTime =0001-01-01T00:00:00
        DateEnd dateTime =0001-01-01T00:00:00
        ProjectId int =-2147483648
        CustomerId int =-2147483648
        DepartmentId int =-2147483648
        AccountNoStart short =-32768
        AccountNoEnd short =-32768
        TransactionNoStart int =-2147483648
        TransactionNoEnd int =-2147483648
        TransactionTypeId int =-2147483648
        SystemType TransactionSystemType ! ?
        RegisteredAfter dateTime =0001-01-01T00:00:00
        HasInvoiceId boolean ! ?
        InvoiceNo string =
        VatCode short ?
        [GetTransactionsResponse]
        GetTransactionsResult ArrayOfTransaction
        [ArrayOfTransaction]
        Transaction Transaction * ?
        [Transaction]
        Date dateTime =0001-01-01T00:00:00
        AccountNo short =-32768
        Currency string =
        CurrencyRate decimal =-79228162514264337593543950335
        CurrencyUnit short =-32768
        Amount decimal =-79228162514264337593543950335
        StampNo int =-2147483648
        Period unsignedByte =0
        TransactionTypeId int =-2147483648
        Comment string =
        TransactionNo int =-2147483648
        Id guid =00000000-0000-0000-0000-000000000000
        InvoiceNo string =
        SequenceNo short =-32768
        SystemType TransactionSystemType =Miscellaneous
        RegistrationDate dateTime =0001-01-01T00:00:00
        DateChanged dateTime =0001-01-01T00:00:00
        Hidden boolean !
        Open boolean !
        OCR string
        HasVatDividend boolean !
    """),
    {
        "DateSearchParameters": ("EntryDate", "DateChangedUTC"),
        "TransactionSystemType": (
            "InvoiceCustomer",
            "CreditnoteCustomer",
            "DifferenceOutbound",
            "Disbursment",
            "InvoiceSupplier",
            "CreditnoteSupplier",
            "Payment",
            "DifferenceInbound",
            "Miscellaneous",
            "CashSale",
            "ReminderFee",
            "ReminderNote",
        ),
    },
    frozenset({"Transaction"}),
)

SERVICES = {service.path: service for service in (AUTHENTICATE, ACCOUNT, CLIENT, COMPANY, TRANSACTION)}
