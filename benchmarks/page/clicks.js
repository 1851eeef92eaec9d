// What a visitor does, and what is seen then.
(() => {
  const rows = () => [...document.querySelectorAll(".row")];
  const all = (test) => rows().length > 0 && rows().every(test);
  const set = (node, value, event) => {
    node.value = value;
    node.dispatchEvent(new Event(event));
  };
  const filter = (text) => set(document.getElementById("filter"), text, "input");
  const choose = (n, value) => set(document.querySelectorAll("select")[n], value, "change");
  const go = (screen) => {
    location.hash = `#${screen}`;
  };
  return {
    "the list of jobs": [() => go("jobs"), () => rows().length > 10],
    "a state": [() => choose(0, "succeeded"), () => all((row) => row.querySelector(".state.succeeded"))],
    "three fields": [
      () => (choose(0, ""), filter("lr=0.03 width=128 seed=1")),
      () => all((row) => row.dataset.id.includes("lr=0.03_width=128_seed=1")),
    ],
    "a word": [() => filter("512_seed"), () => all((row) => row.dataset.id.includes("width=512_"))],
    "another order": [
      () => (filter(""), choose(1, "worker")),
      () => rows().length > 10 && location.hash.includes("sort=worker") && rows().some((row) => !row.dataset.id.includes("width=512_")),
    ],
    "the end of the list": [
      () => (document.querySelector(".list").scrollTop = 1e9),
      () => rows().some((row) => row.getAttribute("aria-rowindex") === document.querySelector(".list").getAttribute("aria-rowcount")),
    ],
    "a job": [() => rows()[0].click(), () => document.querySelector("#drawer table")],
    "closing it": [() => document.querySelector("#drawer .close").click(), () => document.getElementById("drawer").hidden],
    "base models": [() => go("base"), () => document.querySelector(".tree li")],
    "machines": [() => go("machines"), () => document.querySelector("main p")],
    "the time line": [() => go("time"), () => document.querySelector("#main canvas") && document.querySelector("#main table")],
    "now": [() => go("now"), () => document.querySelector(".now h2")],
  };
})()
