"""Bike sharing: notebook 03's forecasts, step by step, beside linear regression and trees.

python -m benchmarks.bike_sharing                all recipes under seeds 1 to 5
python -m benchmarks.bike_sharing --seeds 1 2    other seeds

Every recipe learns from the 21 months before October 2012, and is scored once on the last three
by the mean absolute error in rentals, over the hours that the source has. Settings were chosen
without the test, on July to September after training on the months before. Each training takes
place in a process of its own. "core_seconds" add up what the cores worked.
"""

import time

import numpy as np

from benchmarks import runs


class Bikes:
    """The hours, where the test begins, and the notebook's recipe."""

    def __init__(self):
        from scripts.recipes import load_recipe
        from utils import datasets

        parts = [datasets.load("bike_sharing", s) for s in ("train", "validation", "test")]
        self.hours = {c: np.concatenate([p[c] for p in parts]) for c in parts[0]}
        self.counts = self.hours["total"].astype("float32")
        self.recipe = load_recipe("03_lstm_forecaster")
        self.start = len(self.counts) - len(parts[-1]["total"])

    def ends(self, ahead):
        """Ends of windows of the training and of the test, all `ahead` hours of which exist."""
        training = np.arange(24 * 28, self.start - ahead)
        targets = training[:, None] + np.arange(1, ahead + 1)
        complete = ~self.hours["missing"][targets].any(axis=1)
        return training[complete], np.arange(self.start - 1, len(self.counts) - ahead)

    def mae(self, forecast, ends, horizon=1):
        errors = self.recipe["absolute_errors"](forecast, self.hours, ends, horizon)
        return float(np.nanmean(errors))


def naive(lag, ahead):
    """The count some hours before each target."""

    def forecast(bikes):
        _, test = bikes.ends(ahead)
        targets = test[:, None] + np.arange(1, ahead + 1)
        return bikes.counts[targets - lag], 0

    return forecast


def fitted(name, ahead=1, relative=False, length=48, calendars=False):
    """Linear regression or trees on the flattened window, with the calendars to come or without."""

    def forecast(bikes):
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.linear_model import LinearRegression

        recipe, hours = bikes.recipe, bikes.hours
        if relative:
            table, base = recipe["relative_table"](hours, bikes.start)
        else:
            table = recipe["standardised"](recipe["known"](hours, bikes.counts), bikes.start)
            base = np.ones(len(table), "float32")

        def rows(ends):
            flat = recipe["windows"](table, ends, length).reshape(len(ends), -1)
            if not calendars:
                return flat
            coming = recipe["coming_calendar"](hours, ends)[..., :-1]
            return np.concatenate([flat, coming.reshape(len(ends), -1)], axis=1)

        training, test = bikes.ends(ahead)
        targets = bikes.counts[training[:, None] + np.arange(1, ahead + 1)]
        targets = targets / base[training][:, None]
        if name == "trees":
            model = HistGradientBoostingRegressor(max_iter=300, random_state=0)
            targets = targets[:, 0]
        else:
            model = LinearRegression()
        output = model.fit(rows(training), targets).predict(rows(test))
        return np.maximum(output.reshape(len(test), ahead) * base[test][:, None], 0), 0

    return forecast


def exercise(units, epochs):
    """The exercise's network, or a smaller one, on windows of 24 hours."""

    def forecast(bikes):
        recipe, start, counts = bikes.recipe, bikes.start, bikes.counts
        table = recipe["standardised"](recipe["known"](bikes.hours, counts), start)
        mean, deviation = counts[:start].mean(), counts[:start].std()
        training, test = bikes.ends(1)
        model = recipe["build_exercise"](units)
        model.compile("adam", "mse")
        inputs = recipe["windows"](table, training, 24)
        targets = (counts[training + 1] - mean) / deviation
        model.fit(inputs, targets, batch_size=128, epochs=epochs, verbose=0)
        output = np.array(model(recipe["windows"](table, test, 24), training=False))
        return np.maximum(output * deviation + mean, 0), model.count_params()

    return forecast


def ours(relative=True):
    """Notebook 03's network for the next hour, fed counts relative to their level or not."""

    def forecast(bikes):
        recipe = bikes.recipe
        if not relative:
            mean = bikes.counts[: bikes.start].mean()
            recipe["level"] = lambda counts: np.full(len(counts), mean, "float32")
        model, table, base = recipe["next_hour"](bikes.hours, bikes.start)
        _, test = bikes.ends(1)
        return recipe["forecast_next"](model, table, base, test)[:, None], model.count_params()

    return forecast


def ours_day(bikes):
    """Notebook 03's network for the next 24 hours."""
    model, table, base = bikes.recipe["next_day"](bikes.hours, bikes.start)
    _, test = bikes.ends(24)
    forecast = bikes.recipe["forecast_day"](model, table, base, bikes.hours, test)
    return forecast, model.count_params()


RECIPES = {
    "next hour: last hour": naive(1, 1),
    "next hour: same hour last week": naive(168, 1),
    "next hour: linear regression": fitted("linear"),
    "next hour: linear regression, 96 hours": fitted("linear", length=96),
    "next hour: trees": fitted("trees", length=24),
    "next hour: trees, 48 hours": fitted("trees"),
    "next hour: trees, relative": fitted("trees", relative=True, length=24),
    "next hour: LSTM(128), LSTM(128)": exercise((128, 128), 3),
    "next hour: LSTM(32)": exercise((32,), 12),
    "next hour: ours, not relative": ours(relative=False),
    "next hour: ours": ours(),
    "24 hours: same hour yesterday": naive(24, 24),
    "24 hours: same hour last week": naive(168, 24),
    "24 hours: linear regression": fitted("linear", ahead=24),
    "24 hours: linear, with calendars": fitted("linear", ahead=24, calendars=True),
    "24 hours: linear, with calendars, 96 hours": fitted(
        "linear", ahead=24, length=96, calendars=True
    ),
    "24 hours: ours": ours_day,
}


def measure(name, seed):
    """Train one recipe: its test error in rentals, weights and seconds of work."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras

    bikes = Bikes()
    keras.utils.set_random_seed(seed)
    start = time.process_time()
    forecast, weights = RECIPES[name](bikes)
    ahead = forecast.shape[1]
    _, test = bikes.ends(ahead)
    return {
        "mae": round(bikes.mae(forecast, test[:, None], np.arange(1, ahead + 1)), 2),
        "core_seconds": round(time.process_time() - start, 1),
        "weights": weights,
    }


def main():
    """Measure what is not yet in the results; what chance plays no part in, once."""
    options = runs.parser(__doc__, RECIPES).parse_args()
    jobs = [(name, seed) for seed in options.seeds for name in options.recipes]
    exact = [name for name in RECIPES if "LSTM" not in name and "ours" not in name]
    runs.measure_missing("bike_sharing", RECIPES, jobs, measure, exact)


if __name__ == "__main__":
    main()
