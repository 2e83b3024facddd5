"""The contracts of four services as field tables; that of the Transaction service is in contract_transaction.py.

A test compares them with the vendor's WSDLs. Types of requests are complete.
"""

from klarna24.sandbox.office.schema import Service, table

SOAP_NAMESPACE = "http://24sevenOffice.com/webservices"
NO_GUID = "00000000-0000-0000-0000-000000000000"
NO_INT = -(2**31)  # the contract's default, which means "not given"
NO_SHORT = -(2**15)

_ACCOUNT_TYPES = """
    [SaveBundleList]
    BundleList BundleList
    [BundleList]
    Bundles ArrayOfBundle
    AllowDifference boolean =false
    DirectLedger boolean =false
    SaveOption unsignedByte =1
    DefaultCustomerId int =0
    IgnoreWarnings ArrayOfString
    [ArrayOfBundle]
    Bundle Bundle * ?
    [Bundle]
    YearId int =0
    Vouchers ArrayOfVoucher
    Sort int =0
    Name string =
    BundleDirectAccounting boolean =false
    UseAutoBaseRate boolean =true
    [ArrayOfVoucher]
    Voucher Voucher * ?
    [Voucher]
    TransactionNo int !
    Entries ArrayOfEntry
    Sort int !
    DifferenceOptions DifferenceOptions
    [ArrayOfEntry]
    Entry Entry * ?
    [Entry]
    SequenceId decimal =0
    CustomerId int =0
    AccountNo int =0
    Date dateTime !
    DueDate dateTime =0001-01-01T00:00:00
    Amount decimal =0
    VatAmount decimal =0
    CurrencyId string =
    BaseRate decimal =-1
    CurrencyRate decimal =0
    CurrencyUnit short =1
    DepartmentId int =0
    ProjectId int =0
    UserDefinedDimensions ArrayOfUserDefinedDimension
    InvoiceReferenceNo string =
    InvoiceOcr string =
    TaxNo string =
    PeriodDate dateTime =0001-01-01T00:00:00
    Comment string =
    StampNo int =0
    BankAccountNo string =
    LinkId guid =00000000-0000-0000-0000-000000000000
    Links ArrayOfLinkModel
    [ArrayOfUserDefinedDimension]
    UserDefinedDimension UserDefinedDimension * ?
    [UserDefinedDimension]
    Type int =0
    Value string =
    [ArrayOfLinkModel]
    LinkModel LinkModel * ?
    [LinkModel]
    LineId guid =00000000-0000-0000-0000-000000000000
    LinkId guid =00000000-0000-0000-0000-000000000000
    [DifferenceOptions]
    Threshold decimal !
    AccountId int !
    DueDate dateTime !
    Date dateTime !
    CurrencyId int !
    CurrencyUnit short !
    CurrencyRate decimal !
    Comment string
    CustomerId int !
    Period short !
    LinkId guid !
    InvoiceOcr string
    DepartmentId int !
    ProjectId int !
    BankAccountNo string
    [ArrayOfString]
    string string * ?
    [SaveBundleListResponse]
    SaveBundleListResult SaveResponse
    [SaveResponse]
    Type ResponsType !
    Description string
    [GetEntryId]
    argEntryId EntryId
    [EntryId]
    Date dateTime !
    SortNo int !
    EntryNo int !
    [GetEntryIdResponse]
    GetEntryIdResult EntryId
    [GetAccountList]
    [GetAccountListResponse]
    GetAccountListResult ArrayOfAccountData
    [ArrayOfAccountData]
    AccountData AccountData * ?
    [AccountData]
    AccountId int =0
    AccountNo short =0
    AccountName string =
    AccountTax int =0
    TaxNo int =0
    [GetTypeList]
    [GetTypeListResponse]
    GetTypeListResult ArrayOfTypeData
    [ArrayOfTypeData]
    TypeData TypeData * ?
    [TypeData]
    TypeId int !
    Title string
    EntrySeriesId int !
    TypeNo int !
    [GetTaxCodeList]
    [GetTaxCodeListResponse]
    GetTaxCodeListResult ArrayOfTaxCodeElement
    [ArrayOfTaxCodeElement]
    TaxCodeElement TaxCodeElement * ?
    [TaxCodeElement]
    TaxId int !
    TaxNo string
    TaxName string
    TaxRate decimal !
    AccountNo short ?
"""

ACCOUNT = Service(
    "Account",
    "/Economy/Account/V004/Accountservice.asmx",
    SOAP_NAMESPACE,
    ("SaveBundleList", "GetEntryId", "GetAccountList", "GetTypeList", "GetTaxCodeList"),
    table(_ACCOUNT_TYPES),
    {
        "ResponsType": (
            "Ok",
            "DuplicateData",
            "DataAlreadySaved",
            "NotAuthenticated",
            "SystemError",
            "Exception",
            "NotSaved",
        ),
    },
)

AUTHENTICATE = Service(
    "Authenticate",
    "/authenticate/v001/authenticate.asmx",
    SOAP_NAMESPACE,
    (
        "Login",
        "HasSession",
        "GetIdentity",
        "GetIdentitiesWithCredential",
    ),
    table("""
        [Login]
        credential Credential
        [Credential]
        ApplicationId guid !
        IdentityId guid =00000000-0000-0000-0000-000000000000
        Password string
        Username string
        [LoginResponse]
        LoginResult string
        [HasSession]
        [HasSessionResponse]
        HasSessionResult boolean !
        [GetIdentity]
        [GetIdentityResponse]
        GetIdentityResult Identity
        [GetIdentitiesWithCredential]
        credential Credential
        [GetIdentitiesWithCredentialResponse]
        GetIdentitiesWithCredentialResult ArrayOfIdentity
        [ArrayOfIdentity]
        Identity Identity * ?
        [Identity]
        Id guid !
        User User
        Client Client
        IsCurrent boolean !
        IsDefault boolean !
        IsProtected boolean !
        Servers ArrayOfServer
        IsDisabled boolean =false
        [User]
        ContactId int =-2147483648
        Id guid =00000000-0000-0000-0000-000000000000
        Name string =
        EmployeeId int =-2147483648
        [Client]
        Id long !
        Name string
        [ArrayOfServer]
        Server Server * ?
        [Server]
        Id int !
        Type int !
    """),
)

CLIENT = Service(
    "Client",
    "/Client/V001/ClientService.asmx",
    SOAP_NAMESPACE,
    ("GetClientInformation", "GetDepartmentList", "GetCurrencyList"),
    table("""
        [GetClientInformation]
        [GetClientInformationResponse]
        GetClientInformationResult Client
        [Client]
        Country string
        IsUsingFactoring boolean !
        Name string
        ReminderDays int !
        ReminderDays2 int !
        ReminderDays3 int !
        UserId long !
        OrganizationNumber string
        DefaultCurrency string =
        [GetDepartmentList]
        [GetDepartmentListResponse]
        GetDepartmentListResult ArrayOfDepartment
        [ArrayOfDepartment]
        Department Department * ?
        [Department]
        Id int !
        Name string
        [GetCurrencyList]
        [GetCurrencyListResponse]
        GetCurrencyListResult ArrayOfCurrency
        [ArrayOfCurrency]
        Currency Currency * ?
        [Currency]
        Symbol string
        Id int !
        Rate decimal !
        Unit int !
    """),
    partial=frozenset({"Client", "Department"}),
)

COMPANY = Service(
    "Company",
    "/CRM/Company/V001/CompanyService.asmx",
    SOAP_NAMESPACE,
    ("GetCompanies",),
    table("""
        [GetCompanies]
        searchParams CompanySearchParameters
        returnProperties ArrayOfString
        [CompanySearchParameters]
        ExternalId string
        CompanyId int =-2147483648
        CompanyIds ArrayOfInt
        CompanyName string =
        ChangedAfter dateTime =0001-01-01T00:00:00
        CompanyEmail string =
        CompanyPhone string =
        OrganizationNumber string =
        [ArrayOfInt]
        int int *
        [ArrayOfString]
        string string * ?
        [GetCompaniesResponse]
        GetCompaniesResult ArrayOfCompany
        [ArrayOfCompany]
        Company Company * ?
        [Company]
        APIException APIException
        Id int =-2147483648
        OrganizationNumber string =
        Name string =
        Country string =
        Type CompanyType =None
        [APIException]
        Type string
        Message string
        StackTrace string
    """),
    {"CompanyType": ("None", "Lead", "Consumer", "Business", "Supplier")},
    frozenset({"Company"}),
)
