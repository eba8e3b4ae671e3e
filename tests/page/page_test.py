"""The graph page, opened and used in headless Chromium.

    page_test.py -v [SUITE[.test]]    run in tests/; CAJAL_WRITE_PAGES names the program write_pages

The graph "twelve" is worked through by hand in tests/graph/test_graphs.h; its edges, target first:
    0_3_0 <- E_2_0 2              1_0_1 <- 0_3_0 1, 0_1_1 1, 0_-1_1 2
    0_1_1 <- E_2_0 1, E_70_1 -3   1_5_1 <- 0_1_1 -3, E_70_1 1
    3_40_1 <- 1_0_1 4, 1_5_1 -2, 1_-1_1 1, E_70_1 1       3_41_1 <- 1_5_1 1, 1_-1_0 1
"""

import json
import math
import os
import pathlib
import subprocess
import tempfile
import unittest

from browser import Browser

GOLDEN = ["text__plt_topk", "one_image__plt_topk", "two_images_chat__plt_topk", "text__gs2_affine",
          "one_image__gs2_affine", "two_images_chat__gs2_affine"]


def setUpModule():
    global folder, browser
    temporary = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(temporary.cleanup)
    folder = pathlib.Path(temporary.name)
    subprocess.run([os.environ["CAJAL_WRITE_PAGES"], str(folder)], check=True)
    browser = unittest.enterModuleContext(Browser())


class PageTest(unittest.TestCase):
    def open(self, name, address=""):
        page = browser.open(folder / f"{name}.html", address)
        # Nothing that a test does may make the console complain.
        self.addCleanup(lambda: self.assertEqual(page.errors(), []))
        return page

    def expected(self, name):
        return json.loads((folder / f"{name}.json").read_text())


class Pruning(PageTest):
    def kept(self, page):
        """Ids of the kept nodes, and the kept edges as (source, target, weight)."""
        # As one text: WebDriver takes its time over thousands of lists.
        return json.loads(page.run(
            "const {graph, pruning} = window.cajal.state;"
            "return JSON.stringify([graph.id.filter((_, node) => pruning.nodes[node]),"
            "    Array.from(pruning.edges, (e) => [graph.id[graph.columns[e]],"
            "        graph.id[pruning.targets[e]], graph.weights[e]])])"))

    def check(self, name):
        page = self.open(name)
        for pruning in self.expected(name)["prunings"]:
            with self.subTest(name, node=pruning["node_threshold"], edge=pruning["edge_threshold"]):
                page.set_slider("node-threshold", pruning["node_threshold"])
                page.set_slider("edge-threshold", pruning["edge_threshold"])
                nodes, edges = self.kept(page)
                self.assertEqual(nodes, pruning["nodes"])
                self.assertEqual(edges, pruning["edges"])

    def test_sliders_keep_what_the_server_keeps(self):
        for name in GOLDEN:
            self.check(f"golden_{name}")

    def test_the_page_opens_on_circuit_tracers_golden_pruning(self):
        sizes = json.loads(pathlib.Path("golden/graphs/graphs.json").read_text())
        for name in GOLDEN:
            page = self.open(f"golden_{name}")
            nodes, edges = self.kept(page)
            self.assertEqual(len(nodes), sizes[name]["pruned_nodes"])
            self.assertEqual(len(edges), sizes[name]["pruned_edges"])

    def test_a_graph_by_hand_is_pruned_as_on_paper(self):
        self.check("twelve")

    def test_a_page_that_holds_a_part_is_exact_up_to_its_reach_and_says_so(self):
        self.check("limited")
        page = self.open("limited")
        reach = self.expected("limited")["reach"]
        self.assertLess(reach, 1)
        self.assertEqual(float(page.run("return document.getElementById('node-threshold').max")), reach)
        self.assertIn(f"node thresholds up to {math.floor(1000 * reach) / 1000:.3f}", page.text("#counts"))
        page.run("window.cajal.state.update({nodeThreshold: 1})")
        self.assertEqual(page.run("return window.cajal.state.nodeThreshold"), reach)


class Reading(PageTest):
    def rows(self, page, which):
        return [(row.get_attribute("data-node"), row.find_element("css selector", ".weight").text)
                for row in page.find_all(f"[data-list={which}] button.edge")]

    def test_a_click_shows_what_acts_on_the_node_and_what_it_acts_on(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1")
        page.click_node("1_0_1")
        self.assertEqual(page.clicked(), "1_0_1")
        self.assertEqual(self.rows(page, "inputs"),
                         [("0_-1_1", "+2"), ("0_3_0", "+1"), ("0_1_1", "+1")])
        self.assertEqual(self.rows(page, "outputs"), [("3_40_1", "+4")])
        self.assertIn("feature at position 1", page.text("#details"))
        self.assertIn("Activation2", page.text("#details dl"))

    def test_inputs_are_ordered_by_size_whatever_their_sign(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1&clickedId=3_40_1")
        self.assertEqual(self.rows(page, "inputs"),
                         [("1_0_1", "+4"), ("1_5_1", "−2"), ("1_-1_1", "+1"), ("E_70_1", "+1")])

    def test_a_click_on_a_neighbour_in_the_list_goes_there(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1&clickedId=1_0_1")
        page.find("[data-node='0_-1_1']").click()
        self.assertEqual(page.clicked(), "0_-1_1")

    def test_a_click_beside_all_nodes_selects_nothing(self):
        page = self.open("twelve", "clickedId=1_0_1")
        page.run("document.elementFromPoint(200, 150).click()")
        self.assertIsNone(page.clicked())

    def test_edges_of_the_clicked_node_are_drawn_by_sign(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1&edges=none&clickedId=3_40_1")
        for source, channel in (("1_0_1", 2), ("1_5_1", 0)):  # blue speaks for it, orange against
            # The curve is symmetric about its middle.
            (x0, y0), (x1, y1) = page.place_of(source), page.place_of("3_40_1")
            width, height = page.run("const {frame} = window.cajal.view; return [frame.width, frame.height]")
            x, y = (width + x0 + x1) / 2, (height + y0 + y1) / 2
            pixel = page.pixel("#overlay", x, y)
            self.assertGreater(pixel[3], 40, source)
            self.assertEqual(max(pixel[:3]), pixel[channel], source)

    def test_the_pointer_brings_a_tooltip_and_takes_it_away(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1")
        page.point_at("1_5_1")
        self.assertFalse(page.run("return document.getElementById('tooltip').hidden"))
        tooltip = page.text("#tooltip")
        for part in ("L1 #5", "activation 0.25", "from L0 #1 @1: −3 (75 %)"):
            self.assertIn(part, tooltip)
        page.find("#title").click()
        self.assertTrue(page.run("return document.getElementById('tooltip').hidden"))

    def test_search_finds_by_layer_number_position_and_token(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1")
        found = ("const {found, graph} = window.cajal.state;"
                 "return [...found].map((node) => graph.id[node]).sort()")
        for query, ids in (("L1 #5", ["1_5_1"]), ("@0", ["0_3_0", "1_-1_0", "E_2_0"]),
                           ("three", ["3_41_1"]), ("error @1", ["0_-1_1", "1_-1_1"]),
                           ("E_70_1", ["E_70_1"]), ("nothing", [])):
            page.run("const field = document.getElementById('search'); field.value = arguments[0];"
                     "field.dispatchEvent(new Event('input'))", query)
            self.assertEqual(page.run(found), ids, query)

    def test_the_first_result_is_selected_with_enter(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1")
        page.press("/")
        page.find("#search").send_keys("three")
        self.assertEqual(len(page.find_all("#search-results [role=option]")), 1)
        page.find("#search").send_keys("\ue007")
        self.assertEqual(page.clicked(), "3_41_1")

    def test_patches_of_the_picture_stand_at_their_positions(self):
        page = self.open("picture")
        page.wait_for("return window.cajal.view.thumbnails.size === 1")
        page.settle()
        colors = {0: [255, 0, 0], 1: [0, 255, 0], 2: [0, 0, 255], 3: [255, 255, 255]}
        for position, color in colors.items():
            x, y = page.run("const {frame} = window.cajal.view; const {columns} = frame.layout;"
                            "return [frame.x((columns[arguments[0]] + columns[arguments[0] + 1]) / 2),"
                            "        frame.height - 84 + 12]", position)
            self.assertEqual(page.pixel("#overlay", x, y)[:3], color)

    def test_the_picture_is_shown_as_the_model_saw_it_and_leads_to_its_patches(self):
        page = self.open("picture", "pruningThreshold=1&edgeThreshold=1")
        page.wait_for("return window.cajal.view.thumbnails.size === 1")
        page.settle()
        self.assertGreater(page.pixel("#pictures canvas", 58, 58)[0], 100)
        self.assertEqual(page.pixel("#pictures canvas", 58, 58)[1:3], [0, 0])
        page.run("const canvas = document.querySelector('#pictures canvas');"
                 "const box = canvas.getBoundingClientRect();"
                 "canvas.dispatchEvent(new MouseEvent('click', {bubbles: true,"
                 "    clientX: box.left + 0.75 * box.width, clientY: box.top + 0.25 * box.height}))")
        self.assertEqual(page.clicked(), "E_5_1")
        self.assertIn("picture, row 1, column 2", page.text("#details"))

    def test_without_thumbnails_there_is_a_plain_grid(self):
        page = self.open("no_picture", "clickedId=E_5_3")
        self.assertEqual(len(page.find_all("#pictures canvas")), 1)
        self.assertIn("picture, row 2, column 2", page.text("#details"))

    def test_the_address_keeps_what_is_seen(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=0.9")
        page.click_node("1_0_1")
        page.press("p")
        page.find("#label").send_keys("the <first>\ue007")
        page.wait_for("return location.hash.includes('clerps')")
        address = page.run("return location.hash.slice(1)")
        again = self.open("twelve", address)
        self.assertEqual(again.clicked(), "1_0_1")
        self.assertEqual(again.run("const {state} = window.cajal; return [state.nodeThreshold,"
                                   "state.edgeThreshold, state.pins, [...state.labels]]"),
                         [1, 0.9, ["1_0_1"], [["1_0_1", "the <first>"]]])

    def test_an_address_that_makes_no_sense_changes_nothing(self):
        page = self.open("twelve", "clickedId=9_9_9&pruningThreshold=nan&edgeThreshold=7&supernodes={"
                                   "&clerps=[[1]]&theme=pink&edges=most&pinnedIds=,")
        self.assertIsNone(page.clicked())
        self.assertEqual(page.run("const {state} = window.cajal; return [state.nodeThreshold,"
                                  "state.edgeThreshold, state.pins, state.groups, state.theme]"),
                         [0.8, 0.98, [], [], None])


class Heatmaps(PageTest):
    """On "picture" each token looks at the quarter opposite to its own: red at white, green at blue."""

    RED, GREEN, BLUE, WHITE = (58, 58), (174, 58), (58, 174), (174, 174)  # middles of quarters
    ALL = "pruningThreshold=1&edgeThreshold=1"
    # Half as bright where the token does not look, and four fifths #ffd926 where it does.
    COLD = {RED: (128, 0, 0), GREEN: (0, 128, 0), BLUE: (0, 0, 128), WHITE: (128, 128, 128)}
    HOT = {RED: (230, 174, 30), BLUE: (204, 174, 56), WHITE: (230, 199, 56)}

    def open_picture(self, name="picture", address=""):
        page = self.open(name, f"{self.ALL}&{address}")
        n_heatmaps = 1 if name == "picture" else 0
        page.wait_for("return window.cajal.view.thumbnails.size === 1"
                      f" && window.cajal.heatmaps.mosaics.size === {n_heatmaps}")
        page.settle()
        return page

    def quarters(self, page):
        return {place: page.pixel("#pictures canvas", *place)[:3] for place in self.COLD}

    def assert_looks_at(self, page, quarter):
        for place, color in self.quarters(page).items():
            expected = self.HOT[place] if place == quarter else self.COLD[place]
            for value, wanted in zip(color, expected):
                self.assertAlmostEqual(value, wanted, delta=2, msg=f"{place}: {color}")

    def label(self, page):
        return page.find("#pictures canvas").get_attribute("aria-label")

    def move_onto_picture(self, page, x, y):
        page.run("const canvas = document.querySelector('#pictures canvas');"
                 "const box = canvas.getBoundingClientRect();"
                 "canvas.dispatchEvent(new PointerEvent('pointermove', {bubbles: true,"
                 "    clientX: box.left + arguments[0], clientY: box.top + arguments[1]}))", x, y)

    def test_a_click_on_an_image_node_shows_where_its_token_looks(self):
        page = self.open_picture()
        before = self.quarters(page)
        page.click_node("E_5_0")
        self.assert_looks_at(page, self.WHITE)
        self.assertIn("where this image token looks", page.text("#details"))
        self.assertEqual(self.label(page), "picture, where the image token of row 1, column 1 looks")
        page.click_node("E_5_1")
        self.assert_looks_at(page, self.BLUE)
        page.press("Escape")
        self.assertEqual(self.quarters(page), before)
        self.assertEqual(self.label(page), "picture, as the model saw it")

    def test_a_feature_at_an_image_token_shows_the_tokens_map(self):
        page = self.open_picture()
        feature = page.run("const {graph} = window.cajal.state; return graph.id.find((_, node) =>"
                           "    graph.kind[node] === 0 && graph.position[node] === 3)")
        page.run("const {state} = window.cajal;"
                 "state.update({clicked: state.graph.nodeOfId.get(arguments[0])})", feature)
        self.assert_looks_at(page, self.RED)

    def test_the_tokens_own_square_is_outlined(self):
        page = self.open_picture(address="clickedId=E_5_0")
        accent = [0xc2, 0x25, 0x5c]
        self.assertEqual(page.pixel("#pictures canvas", 58, 1)[:3], accent)
        self.assertNotEqual(page.pixel("#pictures canvas", 174, 1)[:3], accent)

    def test_the_pointer_on_a_node_shows_its_map_while_it_is_there(self):
        page = self.open_picture(address="clickedId=E_5_0")
        page.point_at("E_5_1")
        self.assert_looks_at(page, self.BLUE)
        self.assertIn("where this image token looks", page.text("#tooltip"))
        page.find("#title").click()
        self.assert_looks_at(page, self.WHITE)

    def test_the_pointer_on_the_picture_leaves_it_as_it_is(self):
        page = self.open_picture()
        before = self.quarters(page)
        self.move_onto_picture(page, *self.GREEN)
        self.assertEqual(page.run("const {state} = window.cajal; return state.graph.id[state.hovered]"),
                         "E_5_1")
        self.assertEqual(self.quarters(page), before)
        page.run("const {state} = window.cajal;"
                 "state.update({clicked: state.graph.nodeOfId.get('E_5_0')})")
        self.assert_looks_at(page, self.WHITE)

    def test_a_node_at_a_word_shows_the_influence(self):
        page = self.open_picture()
        before = self.quarters(page)
        page.click_node("E_2_4")
        self.assertEqual(page.clicked(), "E_2_4")
        self.assertEqual(self.quarters(page), before)
        self.assertNotIn("looks", page.text("#details"))

    def test_arrow_keys_lead_from_map_to_map(self):
        page = self.open_picture(address="clickedId=E_5_0")
        page.press("ArrowRight")
        self.assertEqual(page.clicked(), "E_5_1")
        self.assert_looks_at(page, self.BLUE)

    def test_maps_are_the_same_in_the_dark(self):
        page = self.open_picture(address="clickedId=E_5_0&theme=dark")
        self.assertEqual(page.run("return document.documentElement.dataset.theme"), "dark")
        self.assert_looks_at(page, self.WHITE)

    def test_graphs_without_heatmaps_show_the_influence(self):
        page = self.open_picture("no_heatmaps")
        before = self.quarters(page)
        page.click_node("E_5_0")
        self.assertEqual(self.quarters(page), before)
        self.assertNotIn("looks", page.text("#details"))


class Keyboard(PageTest):
    def open_all(self, clicked=""):
        page = self.open("twelve", f"pruningThreshold=1&edgeThreshold=1&clickedId={clicked}")
        page.run("document.getElementById('overlay').focus()")
        return page

    def test_arrows_go_from_node_to_node(self):
        page = self.open_all()
        for key, node in (("ArrowUp", "3_40_1"), ("ArrowRight", "3_41_1"), ("ArrowLeft", "3_40_1")):
            page.press(key)
            self.assertEqual(page.clicked(), node, key)
        page.press("ArrowDown")
        self.assertTrue(page.clicked().startswith("1_"))
        page.press("ArrowDown", "ArrowDown")
        self.assertEqual(page.clicked(), "E_70_1")
        page.press("ArrowLeft", "ArrowLeft", "ArrowDown")
        self.assertEqual(page.clicked(), "E_2_0")

    def test_i_and_o_follow_the_strongest_edges(self):
        page = self.open_all("3_40_1")
        for key, node in (("i", "1_0_1"), ("i", "0_-1_1"), ("o", "1_0_1"), ("o", "3_40_1")):
            page.press(key)
            self.assertEqual(page.clicked(), node)

    def test_escape_selects_nothing(self):
        page = self.open_all("3_40_1")
        page.press("Escape")
        self.assertIsNone(page.clicked())
        self.assertIn("Select a node", page.text("#details"))

    def test_p_pins_and_unpins(self):
        page = self.open_all("1_0_1")
        page.press("p")
        self.assertEqual(page.run("return window.cajal.state.pins"), ["1_0_1"])
        page.press("p")
        self.assertEqual(page.run("return window.cajal.state.pins"), [])

    def test_help_opens_and_closes(self):
        page = self.open_all()
        page.press("?")
        self.assertTrue(page.run("return document.getElementById('help').open"))
        page.find("#help form button").click()
        self.assertFalse(page.run("return document.getElementById('help').open"))

    def test_plus_zooms_in_and_zero_fits(self):
        page = self.open_all()
        page.press("+", "+")
        self.assertAlmostEqual(page.run("return window.cajal.view.frame.zoom.k"), 2.25)
        page.press("0")
        self.assertEqual(page.run("return window.cajal.view.frame.zoom"), {"x": 0, "y": 0, "k": 1})

    def test_a_node_out_of_sight_is_brought_into_sight(self):
        page = self.open_all("3_40_1")
        page.press("+", "+", "+", "+", "+", "+")
        page.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft")
        x, y = page.place_of(page.clicked())
        width, height = page.run("const {frame} = window.cajal.view; return [frame.width, frame.height]")
        self.assertLess(abs(x), width / 2)
        self.assertLess(abs(y), height / 2)

    def test_letters_in_the_search_field_are_letters(self):
        page = self.open_all("1_0_1")
        page.press("/")
        page.find("#search").send_keys("pgt")
        self.assertEqual(page.run("return window.cajal.state.pins"), [])
        page.find("#search").send_keys("\ue00c")
        self.assertEqual(page.run("return document.activeElement.id"), "overlay")
        self.assertEqual(page.clicked(), "1_0_1")

    def test_the_selection_is_said_to_those_who_do_not_see_it(self):
        page = self.open_all()
        page.press("ArrowUp")
        self.assertEqual(page.text("#announcer"), "‘ two’ 60 %, target at position 1, ‘one’")


class Pinning(PageTest):
    ALL = "pruningThreshold=1&edgeThreshold=1"

    def boxes(self, page):
        return [box.get_attribute("data-item") for box in page.find_all(".board > .box")]

    def edges(self, page):
        return sorted(page.run(
            "return [...document.querySelectorAll('.board path')].map((path) =>"
            "    [path.dataset.source, path.dataset.target, Number(path.dataset.weight)])"))

    def test_pins_are_boxes_with_their_edges_between_them(self):
        page = self.open("twelve", f"{self.ALL}&pinnedIds=1_0_1,0_1_1,3_40_1")
        self.assertEqual(self.boxes(page), ["1_0_1", "0_1_1", "3_40_1"])
        self.assertEqual(self.edges(page), [["0_1_1", "1_0_1", 1], ["1_0_1", "3_40_1", 4]])

    def test_shift_click_pins(self):
        page = self.open("twelve", self.ALL)
        page.click_node("1_5_1", shift=True)
        self.assertEqual(page.run("return window.cajal.state.pins"), ["1_5_1"])
        self.assertIsNone(page.clicked())

    def test_edges_of_a_group_are_sums_over_its_members(self):
        page = self.open("twelve", f"{self.ALL}&pinnedIds=1_0_1,1_5_1")
        page.press("g")
        self.assertEqual(self.boxes(page), ["group 1"])
        page.run("const {state} = window.cajal; state.update({pins: [...state.pins, '0_1_1', '3_40_1', '0_3_0']})")
        # 1 - 3 from 0_1_1, 1 from 0_3_0, 4 - 2 to the target.
        self.assertEqual(self.edges(page), [["0_1_1", "group 1", -2], ["0_3_0", "group 1", 1],
                                            ["group 1", "3_40_1", 2]])

    def test_groups_may_hold_groups_and_be_dissolved(self):
        groups = '[["late","1_0_1","1_5_1"],["all","late","0_1_1"]]'
        page = self.open("twelve", f"{self.ALL}&pinnedIds=3_40_1&supernodes={groups}")
        self.assertEqual(self.boxes(page), ["all", "3_40_1"])
        self.assertEqual(len(page.find_all(".box[data-item=all] .box.group")), 1)
        self.assertEqual(self.edges(page), [["all", "3_40_1", 2]])
        page.find(".box[data-item=all] > .box-head .cross").click()
        self.assertEqual(page.run("return window.cajal.state.groups"),
                         [{"name": "late", "members": ["1_0_1", "1_5_1"]}])

    def test_a_group_in_itself_ends_somewhere(self):
        page = self.open("twelve", f'{self.ALL}&supernodes=[["a","b","1_0_1"],["b","a"]]&pinnedIds=0_1_1')
        self.assertEqual(self.boxes(page), ["0_1_1"])

    def test_a_group_gets_a_name_that_no_other_has(self):
        page = self.open("twelve", f'{self.ALL}&supernodes=[["a","1_0_1"],["b","1_5_1"]]')
        for typed, name in (("b", "a"), ("  ", "a"), ("new, name", "new  name")):
            page.run("const field = document.querySelector('input[data-group]');"
                     "field.value = arguments[0]; field.dispatchEvent(new Event('change'))", typed)
            self.assertEqual(page.run("return window.cajal.state.groups[0].name"), name)

    def test_marked_boxes_alone_go_into_the_new_group(self):
        page = self.open("twelve", f"{self.ALL}&pinnedIds=1_0_1,1_5_1,0_1_1")
        page.run("for (const id of ['1_0_1', '0_1_1']) document.querySelector(`.box[data-item='${id}']`)"
                 "    .dispatchEvent(new MouseEvent('click', {shiftKey: true, bubbles: true}))")
        page.find("#group").click()
        self.assertEqual(page.run("return window.cajal.state.groups"),
                         [{"name": "group 1", "members": ["1_0_1", "0_1_1"]}])

    def test_a_pin_that_the_thresholds_hide_stays_pinned(self):
        page = self.open("twelve", "pinnedIds=0_1_1&pruningThreshold=0&edgeThreshold=0")
        self.assertEqual(self.boxes(page), ["0_1_1"])
        self.assertEqual(len(page.find_all(".hidden-node")), 1)

    def test_annotations_that_were_stored_with_the_graph_are_shown(self):
        page = self.open("annotated")
        self.assertEqual(self.boxes(page), ["late", "3_40_1"])
        self.assertIn("the <first>", page.text(".box[data-item=late]"))
        self.assertEqual(self.edges(page), [["late", "3_40_1", 2]])

    def test_the_address_counts_for_more_than_what_was_stored(self):
        page = self.open("annotated", "pinnedIds=0_1_1")
        self.assertEqual(self.boxes(page), ["late", "0_1_1"])

    def test_annotations_are_saved_as_json(self):
        page = self.open("twelve", f'{self.ALL}&pinnedIds=1_0_1,7_7_7&supernodes=[["a","1_5_1"]]'
                                   '&clerps=[["1_0_1","one"]]')
        page.run("URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; };"
                 "document.getElementById('save').click()")
        saved = page.driver.execute_async_script(
            "const done = arguments[0]; window.saved.text().then(done)")
        self.assertEqual(json.loads(saved), {"labels": {"1_0_1": "one"}, "pins": ["1_0_1", "7_7_7"],
                                             "supernodes": [{"name": "a", "members": ["1_5_1"]}]})


class Looks(PageTest):
    def tearDown(self):
        browser.set_dark(False)
        browser.resize(1200, 800)

    def paper(self, page):
        return page.run("return getComputedStyle(document.body).backgroundColor")

    def test_it_is_as_light_or_dark_as_the_system_until_told_otherwise(self):
        page = self.open("twelve")
        self.assertEqual(self.paper(page), "rgb(255, 255, 255)")
        browser.set_dark(True)
        page.settle()
        self.assertEqual(self.paper(page), "rgb(22, 24, 27)")
        page.press("t")
        self.assertEqual(self.paper(page), "rgb(255, 255, 255)")
        browser.set_dark(False)
        page.press("t")
        self.assertEqual(self.paper(page), "rgb(22, 24, 27)")

    def test_canvases_follow_the_theme(self):
        page = self.open("twelve", "edges=none")
        axis = (300, page.run("return window.cajal.view.frame.height") - 5)
        self.assertEqual(page.pixel("#overlay", *axis)[:3], [255, 255, 255])
        page.press("t")
        self.assertEqual(page.pixel("#overlay", *axis)[:3], [22, 24, 27])

    def test_on_a_narrow_window_the_details_are_below_the_graph_and_nothing_overflows(self):
        browser.resize(420, 800)
        page = self.open("golden_one_image__plt_topk")
        graph, side, width = page.run(
            "const box = (id) => document.getElementById(id).getBoundingClientRect();"
            "return [box('graph').bottom, box('side').top, document.documentElement.scrollWidth]")
        self.assertLessEqual(graph, side)
        self.assertLessEqual(width, 420)

    def test_labels_near_the_right_edge_are_whole(self):
        browser.resize(420, 800)
        long = "a label that is rather long"
        page = self.open("twelve", f'pruningThreshold=1&edgeThreshold=1&clerps=[["1_5_1","{long}"]]')
        # Where texts of the overlay begin and end, as it is drawn once more.
        page.run("window.drawn = [];"
                 "const prototype = CanvasRenderingContext2D.prototype; const draw = prototype.fillText;"
                 "prototype.fillText = function(words, x, y) {"
                 "  const width = this.measureText(words).width;"
                 "  const left = x - width * {left: 0, center: 0.5, right: 1}[this.textAlign];"
                 "  for (const end of [left, left + width])"
                 "    window.drawn.push([words, this.getTransform().transformPoint({x: end, y}).x]);"
                 "  draw.call(this, words, x, y);"
                 "}; window.cajal.view.schedule()")
        page.settle()
        drawn = page.run("return window.drawn")
        width = page.run("return document.getElementById('overlay').width")
        for words in (long, "‘ two’ 60 %", "‘ three’ 20 %"):
            ends = [x for text, x in drawn if text == words]
            self.assertEqual(len(ends), 2, [text for text, _ in drawn])
            self.assertGreaterEqual(min(ends), 0, words)
            self.assertLessEqual(max(ends), width, words)

    def test_all_edges_are_drawn_behind_the_nodes_when_asked_for(self):
        page = self.open("golden_one_image__plt_topk", "edges=none")
        self.assertEqual(page.painted("#background"), 0)
        page.press("e")
        page.wait_for(lambda: page.painted("#background") > 0)
        strongest = page.painted("#background")
        page.press("e")
        page.wait_for(lambda: page.painted("#background") > strongest)

    def test_a_zoom_moves_nodes_and_axis_together(self):
        page = self.open("twelve", "pruningThreshold=1&edgeThreshold=1")
        page.press("+", "+")
        page.click_node("1_0_1")
        self.assertEqual(page.clicked(), "1_0_1")


class Safety(PageTest):
    def test_texts_of_the_graph_are_never_markup(self):
        page = self.open("hostile", "pruningThreshold=1&edgeThreshold=1&clickedId=3_40_1"
                                    '&clerps=[["3_40_1","<img src=x onerror=\\"window.hacked = 1\\">"]]'
                                    '&supernodes=[["<script>window.hacked = 1</script>","1_0_1"]]'
                                    "&pinnedIds=E_2_0,3_41_1")
        page.press("/")
        page.find("#search").send_keys("img")
        page.find("#search").send_keys("\ue007")
        for node in ("E_2_0", "3_40_1", "3_41_1"):
            page.point_at(node)
        self.assertIsNone(page.run("return window.hacked ?? null"))
        self.assertEqual(page.find_all("img, b, script:not(#graph-data) ~ script"), [])
        self.assertEqual(page.run("return document.scripts.length"), 2)
        self.assertEqual(page.text("#title"), "</script><script>window.hacked = 1</script>")
        self.assertEqual(page.driver.title, "</title><script>window.hacked = 1</script> · Cajal")
        self.assertEqual(page.run("return window.cajal.state.graph.tokens"),
                         ["</script><img src=x onerror='window.hacked = 1'>", "<!--<script>\ufffd\u2028"])

    def test_it_asks_the_network_for_nothing(self):
        page = self.open("picture")
        page.press("/", "e", "t")
        names = page.run("return performance.getEntriesByType('resource').map(({name}) => name)")
        self.assertEqual([name for name in names if not name.startswith("data:")], [])

    def test_its_policy_forbids_requests_and_foreign_scripts(self):
        page = browser.open(folder / "twelve.html")
        refused = page.driver.execute_async_script(
            "const done = arguments[0];"
            "fetch('http://127.0.0.1:9/').then(() => done('sent'), () => done('refused'));")
        self.assertEqual(refused, "refused")
        page.run("const script = document.createElement('script');"
                 "script.textContent = 'window.hacked = 1'; document.body.append(script);"
                 "const image = document.createElement('img');"
                 "image.setAttribute('onerror', 'window.hacked = 1'); image.src = 'data:,x';"
                 "document.body.append(image)")
        page.settle()
        self.assertIsNone(page.run("return window.hacked ?? null"))
        complaints = "\n".join(page.errors())
        self.assertIn("connect-src", complaints.replace("default-src", "connect-src"))
        self.assertIn("script-src", complaints)

    def test_nothing_complains_when_a_page_is_opened(self):
        for name in ("twelve", "picture", "no_picture", "limited", "golden_text__plt_topk"):
            self.open(name)


if __name__ == "__main__":
    unittest.main()
