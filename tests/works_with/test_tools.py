"""Tools that take a classifier give right results with ours.

A test is skipped if its tool is not installed. The nox session works_with installs all of them,
with the extra ``works-with``. Warnings of these packages are no errors.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.works_with.recipes import ReportToTrial, log_fit, with_codes

pytestmark = pytest.mark.filterwarnings("ignore")


def network(**parameters):
    return SoftmaxMLPClassifier(**{"units": 32, "epochs": 20, "random_state": 0} | parameters)


def test_imbalanced_learn_resamples_the_training_rows(table):
    imblearn = pytest.importorskip("imblearn")
    sampler = imblearn.over_sampling.RandomOverSampler(random_state=0)
    X, y = table
    pipeline = imblearn.pipeline.make_pipeline(sampler, network()).fit(X, y)
    X_resampled, y_resampled = sampler.fit_resample(X, y)
    assert len(set(np.bincount(y_resampled))) == 1
    by_hand = network().fit(X_resampled, y_resampled)
    assert_array_equal(pipeline.predict_proba(X), by_hand.predict_proba(X))


def test_imbalanced_learn_makes_rows_with_categories(table):
    imblearn = pytest.importorskip("imblearn")
    X, y = table
    complete = X.notna().all(axis=1).to_numpy()
    sampler = imblearn.over_sampling.SMOTENC(["town"], random_state=0)
    pipeline = imblearn.pipeline.make_pipeline(sampler, network()).fit(X[complete], y[complete])
    assert pipeline[-1].categories_[0].tolist() == ["Bonn", "Kiel", "Ulm"]
    assert pipeline.score(X[complete], y[complete]) > 0.95


def test_imbalanced_learn_bags_arrays_with_marked_categories(table):
    imblearn = pytest.importorskip("imblearn")
    X, y = table
    bagging = imblearn.ensemble.BalancedBaggingClassifier(
        network(categorical_features=[0]), 3, random_state=0
    ).fit(X, y)
    assert [pipeline[-1].is_categorical_.tolist() for pipeline in bagging.estimators_] == [
        [True, False, False]
    ] * 3
    assert bagging.score(X, y) > 0.95


def test_shap_values_of_a_linear_network_are_its_terms(numbers):
    shap = pytest.importorskip("shap")
    X, y = numbers
    clf = network(units=(), n_bins=None).fit(X, y)
    background = X[:50]
    values = shap.KernelExplainer(clf.decision_function, background).shap_values(X[50:55])
    weights = clf.coefs_[0][:, 1] - clf.coefs_[0][:, 0]
    assert_allclose(values, weights * (X[50:55] - background.mean(axis=0)), atol=1e-5)


def test_shap_values_of_categories_add_up_to_the_prediction(table):
    shap = pytest.importorskip("shap")
    X, y = table
    clf = network().fit(X, y)
    rows, predict_proba = with_codes(clf, X)
    assert_array_equal(predict_proba(rows), clf.predict_proba(X))
    explainer = shap.KernelExplainer(predict_proba, rows[:50])
    values = explainer.shap_values(rows[50:55])
    assert values.shape == (5, 3, 2)
    base = clf.predict_proba(X[:50]).mean(axis=0)
    assert_allclose(values.sum(axis=1), clf.predict_proba(X[50:55]) - base, atol=1e-6)


def test_lime_finds_the_slopes_of_a_linear_network(numbers):
    pytest.importorskip("lime")
    from lime.lime_tabular import LimeTabularExplainer

    X, y = numbers
    # So small weights that the probability is nearly linear: its slope is p (1 - p) times them.
    clf = network(units=(), n_bins=None, l2=3.0, calibration=None).fit(X, y)
    explainer = LimeTabularExplainer(X, discretize_continuous=False, random_state=0)
    found = dict(explainer.explain_instance(X[0], clf.predict_proba).as_map()[1])
    p = clf.predict_proba(X).mean(axis=0)[1]
    slopes = p * (1 - p) * (clf.coefs_[0][:, 1] - clf.coefs_[0][:, 0]) * X.std(axis=0)
    assert_allclose([found[j] for j in range(4)], slopes, atol=0.1 * np.abs(slopes).max())


def test_optuna_finds_the_best_score(numbers):
    optuna = pytest.importorskip("optuna")

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-4, 0.1, log=True)
        return cross_val_score(network(learning_rate=rate), *numbers, cv=3).mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=4)
    again = cross_val_score(network(**study.best_params), *numbers, cv=3).mean()
    assert study.best_value == max(trial.value for trial in study.trials) == again


def test_optuna_prunes_by_the_validation_loss(numbers):
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("sklearn", minversion="1.9")
    X_train, X_val, y_train, y_val = train_test_split(*numbers, random_state=0)
    fitted = {}

    def objective(trial):
        rate = trial.suggest_categorical("learning_rate", [0.01, 1e-5])
        clf = network(learning_rate=rate, n_iter_no_change=np.inf).set_callbacks(
            ReportToTrial(trial)
        )
        fitted[rate] = clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
        return min(clf.history_["validation_loss"])

    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler({"learning_rate": [0.01, 1e-5]}, seed=0),
        pruner=optuna.pruners.ThresholdPruner(upper=0.5, n_warmup_steps=3),
    )
    study.optimize(objective)
    good, bad = sorted(study.trials, key=lambda trial: -trial.params["learning_rate"])
    assert good.state.name == "COMPLETE"
    assert list(good.intermediate_values.values()) == fitted[0.01].history_["validation_loss"]
    assert bad.state.name == "PRUNED"
    assert list(bad.intermediate_values) == [1, 2, 3]


def test_mlflow_logs_pipelines_by_itself_and_others_by_hand(mlflow, numbers):
    X, y = numbers
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        with mlflow.start_run() as of_pipeline:
            pipeline = make_pipeline(network()).fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    with mlflow.start_run() as of_network:
        clf = network().fit(X, y)
        log_fit(clf)

    logged = mlflow.get_run(of_pipeline.info.run_id).data
    assert logged.params["softmaxmlpclassifier__epochs"] == "20"
    assert logged.metrics["training_score"] == pipeline.score(X, y)

    run = of_network.info.run_id
    assert mlflow.get_run(run).data.params["units"] == "32"
    curve = mlflow.MlflowClient().get_metric_history(run, "validation_loss")
    assert [metric.value for metric in curve] == clf.history_["validation_loss"]


def test_mlxtend_selects_the_columns_with_the_best_scores(numbers):
    pytest.importorskip("mlxtend")
    from mlxtend.feature_selection import SequentialFeatureSelector

    X, y = numbers
    clf = network(epochs=5)
    selector = SequentialFeatureSelector(clf, k_features=2, scoring="accuracy", cv=3).fit(X, y)
    scores = [cross_val_score(clf, X[:, [j]], y, cv=3).mean() for j in range(4)]
    assert selector.subsets_[1]["feature_idx"] == (np.argmax(scores),)
    assert selector.subsets_[1]["avg_score"] == max(scores)
    chosen = X[:, selector.k_feature_idx_]
    assert selector.k_score_ == cross_val_score(clf, chosen, y, cv=3).mean()


def test_mapie_has_the_sets_of_the_formula_and_their_coverage(numbers):
    pytest.importorskip("mapie")
    from mapie.classification import SplitConformalClassifier

    X, y = make_classification(
        2400, 6, n_informative=4, n_classes=3, n_clusters_per_class=1, flip_y=0.2, random_state=0
    )
    train, held_out, test = np.split(np.arange(2400), 3)
    clf = network().fit(X[train], y[train])
    conformal = SplitConformalClassifier(clf, confidence_level=0.9, prefit=True)
    sets = conformal.conformalize(X[held_out], y[held_out]).predict_set(X[test])[1][:, :, 0]

    scores = np.sort(1 - clf.predict_proba(X[held_out])[np.arange(800), y[held_out]])
    quantile = scores[int(np.ceil(801 * 0.9)) - 1]
    by_hand = 1 - clf.predict_proba(X[test]) <= quantile
    assert (sets != by_hand).mean() < 1e-3  # probabilities at the quantile itself
    # The deviation of the coverage for 800 rows to calibrate and 800 to test is 0.015.
    assert abs(sets[np.arange(800), y[test]].mean() - 0.9) < 0.05


def test_mapie_takes_tables_in_cross_validation(table):
    pytest.importorskip("mapie")
    from mapie.classification import CrossConformalClassifier

    X, y = table
    conformal = CrossConformalClassifier(network(), confidence_level=0.9, cv=3, random_state=0)
    sets = conformal.fit_conformalize(X[:400], y[:400]).predict_set(X[400:])[1][:, :, 0]
    assert sets[np.arange(200), y[400:]].mean() > 0.8  # 0.9, with a standard deviation of 0.02


def test_fairlearn_reweights_until_the_rates_are_equal(table):
    pytest.importorskip("fairlearn")
    from fairlearn.metrics import demographic_parity_difference
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient

    X, y = table
    group = np.where(X["town"] == "Kiel", "Kiel", "elsewhere")

    def difference(predicted):
        return demographic_parity_difference(y, predicted, sensitive_features=group)

    fair = ExponentiatedGradient(network(epochs=10), DemographicParity(), max_iter=4)
    fair.fit(X, y, sensitive_features=group)
    assert difference(network(epochs=10).fit(X, y).predict(X)) > 0.15
    assert difference(fair.predict(X, random_state=0)) < 0.05


def test_fairlearn_passes_its_weights(table):
    pytest.importorskip("fairlearn")
    from fairlearn.reductions import DemographicParity, GridSearch

    X, y = table
    group = np.where(X["town"] == "Kiel", "Kiel", "elsewhere")
    fair = GridSearch(network(), DemographicParity(), grid_size=3)
    fair.fit(X, y, sensitive_features=group)

    parity = DemographicParity()
    parity.load_data(X, y, sensitive_features=group)
    error = parity.default_objective()
    error.load_data(X, y, sensitive_features=group)
    multipliers = fair.lambda_vecs_[fair.lambda_vecs_.columns[-1]]
    costs = np.asarray(parity.signed_weights(multipliers) + error.signed_weights())
    labels = (costs > 0).astype(int)
    by_hand = network().fit(X, labels, sample_weight=np.abs(costs)).predict_proba(X)
    assert_allclose(fair.predictors_[-1].predict_proba(X), by_hand, atol=1e-5)
    assert np.abs(network().fit(X, labels).predict_proba(X) - by_hand).max() > 1e-3


def test_fairlearn_chooses_thresholds_with_equal_rates(table):
    pytest.importorskip("fairlearn")
    from fairlearn.postprocessing import ThresholdOptimizer

    X, y = table
    group = np.where(X["town"] == "Kiel", "Kiel", "elsewhere")
    fair = ThresholdOptimizer(
        estimator=network(), constraints="demographic_parity", predict_method="predict_proba"
    ).fit(X, y, sensitive_features=group)
    predicted = fair.predict(X, sensitive_features=group, random_state=0)
    rates = [predicted[group == name].mean() for name in ("Kiel", "elsewhere")]
    assert abs(rates[0] - rates[1]) < 0.05


@pytest.fixture(scope="module")
def mislabelled():
    """Digits of which 40 have another label than their own, and which these are."""
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:800]
    wrong = np.arange(800) < 40
    return X[rows], (y[rows] + wrong) % 10, wrong


def check_found(found, wrong):
    assert found[wrong].mean() >= 0.8
    assert wrong[found].mean() >= 0.7


def test_cleanlab_finds_wrong_labels(mislabelled):
    pytest.importorskip("cleanlab")
    from cleanlab.classification import CleanLearning

    X, labels, wrong = mislabelled
    issues = CleanLearning(network(), cv_n_folds=3, seed=0).find_label_issues(X, labels)
    check_found(issues["is_label_issue"].to_numpy(), wrong)


def test_cleanlab_takes_the_out_of_fold_probabilities_of_an_ensemble(mislabelled):
    pytest.importorskip("cleanlab")
    from cleanlab.filter import find_label_issues

    X, labels, wrong = mislabelled
    ensemble = SoftmaxMLPEnsembleClassifier(network(), 6, cv=3, random_state=0).fit(X, labels)
    check_found(find_label_issues(labels, ensemble.oof_proba_), wrong)


def test_skrub_makes_numbers_of_dates():
    skrub = pytest.importorskip("skrub")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 720, 800), "D"),
            "town": rng.choice(["Bonn", "Kiel"], 800),
        }
    )
    y = (X["day"].dt.month > 6) ^ (X["town"] == "Kiel")
    with pytest.raises(ValueError, match="'day'"):
        network().fit(X, y)
    pipeline = make_pipeline(skrub.TableVectorizer(), network()).fit(X[:600], y[:600])
    assert pipeline.score(X[600:], y[600:]) > 0.9


def test_skrub_searches_like_scikit_learn(table):
    skrub = pytest.importorskip("skrub")
    X, y = table
    rates = [1e-4, 0.01]
    choice = skrub.choose_from(rates, name="rate")
    clf = network(learning_rate=choice)
    predictor = skrub.X(X).skb.apply(clf, y=skrub.y(y))
    results = predictor.skb.make_grid_search(fitted=True, cv=3).results_
    search = GridSearchCV(network(), {"learning_rate": rates}, cv=3).fit(X, y)
    found = dict(zip(results["rate"], results["mean_test_score"], strict=True))
    assert found == dict(zip(rates, search.cv_results_["mean_test_score"], strict=True))
