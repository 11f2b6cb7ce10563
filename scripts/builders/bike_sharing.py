"""TFDS builder for the hourly bike rentals of Washington, D.C., 2011 and 2012."""

import csv
import datetime

import numpy as np
import tensorflow_datasets as tfds

_DESCRIPTION = """\
Bicycles rented from Capital Bikeshare in Washington, D.C., hour by hour through 2011 and 2012, \
with weather and calendar: 17,544 hours in order of time. The 165 hours that the source lacks are \
present with `missing` set, counts of 0, and the weather of the last hour before them."""

_CITATION = """\
@article{fanaee2013event,
  title={Event labeling combining ensemble detectors and background knowledge},
  author={Fanaee-T, Hadi and Gama, Jo{\\~a}o},
  journal={Progress in Artificial Intelligence},
  year={2013},
  doi={10.1007/s13748-013-0040-3}
}"""

_HOUR = datetime.timedelta(hours=1)
_VALIDATION_START = datetime.datetime(2012, 7, 1)
_TEST_START = datetime.datetime(2012, 10, 1)


class BikeSharing(tfds.core.GeneratorBasedBuilder):
    """Hourly bike rentals with weather in physical units, prepared from UCI's `hour.csv`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Full hourly grid, weather in physical units."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put `hour.csv` of UCI dataset 275 into `manual_dir`."

    def _info(self) -> tfds.core.DatasetInfo:
        def column(dtype, doc):
            return tfds.features.Scalar(dtype, doc=doc)

        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "timestamp": tfds.features.Text(doc="start of the hour, local time, ISO 8601"),
                    "casual": column(np.int64, "rentals by users without a subscription"),
                    "registered": column(np.int64, "rentals by subscribers"),
                    "total": column(np.int64, "casual + registered"),
                    "weather": column(np.int64, "1 clear, 2 mist, 3 light rain or snow, 4 heavy"),
                    "temperature": column(np.float32, "°C"),
                    "feels_like": column(np.float32, "°C"),
                    "humidity": column(np.float32, "relative humidity, %"),
                    "wind_speed": column(np.float32, "km/h"),
                    "hour": column(np.int64, "0 to 23"),
                    "weekday": column(np.int64, "0 Sunday to 6 Saturday"),
                    "month": column(np.int64, "1 to 12"),
                    "year": column(np.int64, "2011 or 2012"),
                    "season": column(np.int64, "1 winter, 2 spring, 3 summer, 4 autumn"),
                    "holiday": column(np.bool_, "a public holiday in Washington, D.C."),
                    "working_day": column(np.bool_, "Monday to Friday and no holiday"),
                    "missing": column(np.bool_, "the source has no row for this hour"),
                }
            ),
            supervised_keys=None,
            homepage="https://archive.ics.uci.edu/dataset/275/bike+sharing+dataset",
            citation=_CITATION,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        with open(dl_manager.manual_dir / "hour.csv", encoding="utf-8", newline="") as file:
            hours = list(_full_grid(csv.DictReader(file)))
        splits = {"train": [], "validation": [], "test": []}
        for hour in hours:
            time = datetime.datetime.fromisoformat(hour["timestamp"])
            if time < _VALIDATION_START:
                splits["train"].append(hour)
            elif time < _TEST_START:
                splits["validation"].append(hour)
            else:
                splits["test"].append(hour)
        return {split: self._generate_examples(hours) for split, hours in splits.items()}

    def _generate_examples(self, hours):
        yield from enumerate(hours)


def _full_grid(rows):
    """Yields one example for every hour from the first row's to the last row's.

    Season, holiday and working day hold for a whole date, so an hour without a row takes them
    from another hour of its date; every date of the source has at least one.
    """
    rows = {_time(row): row for row in rows}
    dates = {time.date(): row for time, row in rows.items()}
    time, last = min(rows), max(rows)
    while time <= last:
        missing = time not in rows
        if not missing:
            weather = _weather(rows[time])
        casual, registered = (
            (0, 0) if missing else (int(rows[time]["casual"]), int(rows[time]["registered"]))
        )
        date = dates[time.date()]
        yield {
            "timestamp": time.isoformat(),
            "casual": casual,
            "registered": registered,
            "total": casual + registered,
            **weather,
            "hour": time.hour,
            "weekday": time.isoweekday() % 7,
            "month": time.month,
            "year": time.year,
            "season": int(date["season"]),
            "holiday": date["holiday"] == "1",
            "working_day": date["workingday"] == "1",
            "missing": missing,
        }
        time += _HOUR


def _time(row):
    return datetime.datetime.fromisoformat(row["dteday"]) + int(row["hr"]) * _HOUR


def _weather(row):
    """Undoes the scaling that UCI documents for `hour.csv`.

    temp = (t + 8) / 47, atemp = (t + 16) / 66, hum = h / 100, windspeed = v / 67. All but temp
    are whole numbers before the scaling, and are rounded back to them.
    """
    return {
        "weather": int(row["weathersit"]),
        "temperature": round(float(row["temp"]) * 47 - 8, 2),
        "feels_like": round(float(row["atemp"]) * 66 - 16),
        "humidity": round(float(row["hum"]) * 100),
        "wind_speed": round(float(row["windspeed"]) * 67),
    }
