"""The case studies' arithmetic: intervals, means, rankings, controls. Needs no server."""

import random
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "case_studies"))

import rankings  # noqa: E402
import tallies  # noqa: E402
from cajal_server import Feature, Outcome, Place  # noqa: E402

A, B, C = Feature(0, 7), Feature(1, 3), Feature(1, 4)


class Tallies(unittest.TestCase):
    def test_intervals_are_those_of_newcombes_table(self):
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        for count, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                        (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
            for found, published in zip(tallies.wilson(count, total), (low, high), strict=True):
                self.assertAlmostEqual(found, published, places=4)

    def test_nothing_seen_says_nothing(self):
        self.assertEqual(tallies.wilson(0, 0), (0.0, 1.0))
        self.assertEqual(tallies.share(Counter(), " six"), 0.0)

    def test_answers_are_counted_by_label(self):
        def outcome(label, answer):
            return Outcome(label, " five", answer, {})

        counts = tallies.tally([[outcome("a", " six"), outcome("b", " five")],
                                [outcome("a", " six"), outcome("b", " six")]])  # fmt: skip
        self.assertEqual(counts, {"a": {" six": 2}, "b": {" five": 1, " six": 1}})
        self.assertEqual(tallies.share(counts["b"], " six"), 0.5)


class Rankings(unittest.TestCase):
    def test_means_add_positions_and_count_prompts_without_the_feature(self):
        means = rankings.mean_activations([{Place(A, 3): 1.0, Place(A, 4): 2.0}, {Place(B, 3): 4.0}])
        self.assertEqual(means, {A: 1.5, B: 2.0})

    def test_difference_keeps_what_is_more_active(self):
        self.assertEqual(rankings.by_difference({A: 2.0, B: 5.0, C: 1.0}, {A: 1.0, C: 1.0}), [B, A])

    def test_equal_features_keep_the_order_of_layers(self):
        self.assertEqual(rankings.descending({C: 1.0, A: 1.0, B: 1.0}), [A, B, C])

    def test_influence_is_of_one_position_where_one_is_asked_for(self):
        class Graphs:
            def influence(self, prompt, picture, target):
                return {Place(A, 3): 5.0, Place(A, 9): 1.0, Place(B, 9): 2.0, Place(C, 9): 9.0}

        candidates = [A, B]  # C is none
        arguments = (Graphs(), "prompt", ["picture"], "target", candidates)
        self.assertEqual(rankings.by_influence(*arguments), [A, B])
        self.assertEqual(rankings.by_influence(*arguments, position=9), [B, A])

    def test_effect_is_the_change_of_one_logit_against_the_other(self):
        class Runs:
            def intervene(self, prompt, pictures, sets, tokens):
                change = {"A": {" six": 1.0, " five": 3.0}, "B": {" six": 0.5, " five": -1.0}}
                return [[Outcome(s["label"], "", "", change[s["label"]]) for s in sets] for _ in pictures]

        names = {A: "A", B: "B"}
        ranked = rankings.by_effect(Runs(), "prompt", ["one", "two"], lambda f: {"label": names[f]},
                                    [A, B], " six", " five")  # fmt: skip
        self.assertEqual(ranked, [B, A])

    def test_steps_count_what_a_feature_adds_to_those_taken(self):
        class Runs:
            """Either A or B moves the answer, both no further; C moves it a little."""

            def intervene(self, prompt, pictures, sets, tokens):
                def moved(taken):
                    return 2.0 * (A in taken or B in taken) + 1.0 * (C in taken)

                return [
                    [Outcome("", " five", " five", {" six": moved(s["taken"]), " five": 0.0}) for s in sets]
                    for _ in pictures
                ]

        ranked = rankings.by_steps(Runs(), "prompt", ["one", "two"], lambda taken: {"taken": taken},
                                   [A, B, C], " six", " five", step=1, count=2, n_measured=1)  # fmt: skip
        self.assertEqual(ranked, [A, C])

    def test_random_features_are_active_ones(self):
        means = {Feature(0, i): float(i % 2) for i in range(20)}
        drawn = rankings.random_features(random.Random(1), means, 5)
        self.assertEqual(len(set(drawn)), 5)
        self.assertTrue(all(means[feature] > 0 for feature in drawn))

    def test_random_ones_alike_are_others_of_the_same_layer_with_near_means(self):
        means = {Feature(layer, i): float(i) for layer in range(2) for i in range(100)}
        chosen = [Feature(0, 50), Feature(0, 51), Feature(1, 90)]
        drawn = rankings.random_alike(random.Random(1), means, chosen)
        self.assertEqual(len(set(drawn)), 3)
        for control, feature in zip(drawn, chosen, strict=True):
            self.assertEqual(control.layer, feature.layer)
            self.assertNotIn(control, chosen)
            self.assertLessEqual(abs(means[control] - means[feature]), 7)


if __name__ == "__main__":
    unittest.main()
