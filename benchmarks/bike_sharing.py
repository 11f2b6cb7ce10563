"""Bike sharing: notebook 03's forecasts, step by step, beside linear regression and trees.

Every recipe learns from the 21 months before October 2012, and is scored once on the last three
by the mean absolute error in rentals, over the hours that the source has. Settings were chosen
without the test, on July to September after training on the months before. "core_seconds" add up
what the cores worked.
"""

import time

import numpy as np

DATA = ("bike_sharing",)

#: By default scikit-learn's trees stop by their error on a random tenth, which leaks (notebook 03).
BOOSTED = {"max_iter": 300, "early_stopping": False}


class Bikes:
    """The hours, where the test begins, and the notebook's recipe."""

    def __init__(self):
        from utils import datasets
        from utils.recipes import load_recipe

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
        errors = self.recipe.absolute_errors(forecast, self.hours, ends, horizon)
        return float(np.nanmean(errors))


def naive(lag, ahead):
    """The count some hours before each target."""

    def forecast(bikes):
        _, test = bikes.ends(ahead)
        targets = test[:, None] + np.arange(1, ahead + 1)
        return bikes.counts[targets - lag], 0

    return forecast


def typical(bikes):
    """What hours such as those to come have brought on average, over four weeks."""
    _, test = bikes.ends(24)
    return bikes.recipe.typical(bikes.hours)[test[:, None] + np.arange(1, 25)], 0


def fitted(name, ahead=1, relative=False, length=48, columns=14, coming=()):
    """Linear regression or trees on the flattened window.

    Args:
        columns: How many of the window's columns are used; 1 for the rentals alone.
        coming: What of the hours to come is added: "calendar", "typical" or both.
    """

    def forecast(bikes):
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.linear_model import LinearRegression

        recipe, hours = bikes.recipe, bikes.hours
        if relative:
            table, base = recipe.relative_table(hours, bikes.start)
        else:
            table = recipe.standardised(recipe.known(hours, bikes.counts), bikes.start)
            base = np.ones(len(table), "float32")

        to_come = {
            "calendar": lambda ends: recipe.coming_calendar(hours, ends)[..., :-1],
            "typical": lambda ends: recipe.typical(hours)[ends[:, None] + recipe.AHEAD],
        }

        def rows(ends):
            flat = recipe.windows(table[:, :columns], ends, length).reshape(len(ends), -1)
            added = [to_come[what](ends).reshape(len(ends), -1) for what in coming]
            return np.concatenate([flat, *added], axis=1)

        training, test = bikes.ends(ahead)
        targets = bikes.counts[training[:, None] + np.arange(1, ahead + 1)]
        targets = targets / base[training][:, None]
        if name == "trees":
            model = HistGradientBoostingRegressor(**BOOSTED)
            targets = targets[:, 0]
        else:
            model = LinearRegression()
        output = model.fit(rows(training), targets).predict(rows(test))
        return np.maximum(output.reshape(len(test), ahead) * base[test][:, None], 0), 0

    return forecast


def trees_day(bikes):
    """Boosted trees for all 24 hours ahead, a row for each hour of them.

    They are fed the last row of the table, five counts before it, and the last day: its mean, and
    its rentals relative to what is typical. Of the hour to come they know how far ahead it is, its
    calendar, what is typical for it, with and without that ratio, and the counts a day and a week
    before.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    recipe, hours, ahead = bikes.recipe, bikes.hours, np.arange(1, 25)
    table, base = recipe.relative_table(hours, bikes.start)
    usual, day = recipe.typical(hours), np.arange(23, len(table))
    day_mean = recipe.windows(table[:, :2], day, 24).mean(axis=1)
    sums = [recipe.windows(values, day, 24).sum(axis=1) for values in (bikes.counts, usual)]
    busy = sums[0] / np.maximum(sums[1], 1)  # the last day, relative to what is typical
    earlier = [np.roll(table[:, 0], hours_ago) for hours_ago in (1, 2, 3, 6, 12)]
    last_day = np.pad(np.column_stack([day_mean, busy]), ((23, 0), (0, 0)))
    own = np.column_stack([table, *earlier, last_day])

    def rows(ends):
        targets = ends[:, None] + ahead
        of_hour = [usual[targets], bikes.counts[targets - 24], bikes.counts[targets - 168]]
        of_hour += [usual[targets] * own[ends][:, -1:]]
        of_hour = np.stack(of_hour, axis=-1) / base[ends][:, None, None]
        past = np.broadcast_to(own[ends][:, None], (len(ends), 24, own.shape[1]))
        to_come = recipe.coming_calendar(hours, ends)
        return np.concatenate([past, to_come, of_hour], axis=-1).reshape(len(ends) * 24, -1)

    training, test = bikes.ends(24)
    training = training[::5]  # so that each hour of the day is a moment of forecast
    targets, weights = recipe.answers(hours, base, training, ahead)
    model = HistGradientBoostingRegressor(loss="absolute_error", **BOOSTED)
    model.fit(rows(training), targets.ravel(), sample_weight=weights.ravel())
    output = model.predict(rows(test)).reshape(len(test), 24)
    return np.maximum(output * base[test][:, None], 0), 0


def exercise(units, epochs):
    """The exercise's network, or a smaller one, on windows of 24 hours."""

    def forecast(bikes):
        recipe, start, counts = bikes.recipe, bikes.start, bikes.counts
        table = recipe.standardised(recipe.known(bikes.hours, counts), start)
        mean, deviation = counts[:start].mean(), counts[:start].std()
        training, test = bikes.ends(1)
        model = recipe.build_exercise(units)
        model.compile("adam", "mse")
        inputs = recipe.windows(table, training, 24)
        targets = (counts[training + 1] - mean) / deviation
        model.fit(inputs, targets, batch_size=128, epochs=epochs, verbose=0)
        output = np.array(model(recipe.windows(table, test, 24), training=False))
        return np.maximum(output * deviation + mean, 0), model.count_params()

    return forecast


def ours(relative=True):
    """Notebook 03's network for the next hour, fed counts relative to their level or not."""

    def forecast(bikes):
        recipe, mean = bikes.recipe, bikes.counts[: bikes.start].mean()
        options = {}
        if not relative:
            options["level"] = lambda counts: np.full(len(counts), mean, "float32")
        model, table, base = recipe.next_hour(bikes.hours, bikes.start, **options)
        _, test = bikes.ends(1)
        return recipe.forecast_next(model, table, base, test)[:, None], model.count_params()

    return forecast


def ours_day(networks):
    """Notebook 03's forecast of the next 24 hours, the mean of some networks."""

    def forecast(bikes):
        recipe, hours, (_, test) = bikes.recipe, bikes.hours, bikes.ends(24)
        trained = [recipe.next_day(hours, bikes.start) for _ in range(networks)]
        alone = [recipe.forecast_day(*parts, hours, test) for parts in trained]
        return np.mean(alone, axis=0), sum(parts[0].count_params() for parts in trained)

    return forecast


RECIPES = {
    "next hour: last hour": naive(1, 1),
    "next hour: same hour last week": naive(168, 1),
    "next hour: linear, rentals only": fitted("linear", columns=1),
    "next hour: linear regression": fitted("linear"),
    "next hour: linear regression, 96 hours": fitted("linear", length=96),
    "next hour: trees": fitted("trees", length=24),
    "next hour: trees, 48 hours": fitted("trees"),
    "next hour: trees, relative": fitted("trees", relative=True, length=24),
    "next hour: LSTM(128), LSTM(128)": exercise((128, 128), 3),
    "next hour: LSTM(128), LSTM(128), 12 epochs": exercise((128, 128), 12),
    "next hour: LSTM(32)": exercise((32,), 12),
    "next hour: ours, not relative": ours(relative=False),
    "next hour: ours": ours(),
    "24 hours: same hour yesterday": naive(24, 24),
    "24 hours: same hour last week": naive(168, 24),
    "24 hours: typical hour": typical,
    "24 hours: linear, rentals only": fitted("linear", ahead=24, columns=1),
    "24 hours: linear regression": fitted("linear", ahead=24),
    "24 hours: linear, with calendars": fitted("linear", ahead=24, coming=["calendar"]),
    "24 hours: linear, hours to come": fitted("linear", ahead=24, coming=["calendar", "typical"]),
    "24 hours: trees": trees_day,
    "24 hours: ours, one network": ours_day(1),
    "24 hours: ours": ours_day(3),
}
#: What chance plays no part in is measured once.
PLAN = {recipe: [1] for recipe in RECIPES} | {
    "next hour: LSTM(128), LSTM(128)": [1, 2, 3],
    "next hour: LSTM(128), LSTM(128), 12 epochs": [1, 2, 3],
    "next hour: LSTM(32)": [1, 2, 3],
    "next hour: ours, not relative": [1, 2, 3],
    "next hour: ours": [1, 2, 3, 4, 5],
    "24 hours: ours, one network": [1, 2, 3, 4, 5],
    "24 hours: ours": [1, 2, 3, 4, 5],
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
