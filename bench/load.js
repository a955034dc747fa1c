// One open-loop run of k6: requests begin at a fixed rate, whether or not earlier ones have been answered.
// FILE has one line per request: a body for POST, an id for GET.
import http from "k6/http";
import exec from "k6/execution";
import { SharedArray } from "k6/data";
import { Counter } from "k6/metrics";

const { URL, METHOD, FILE, RATE, SECONDS, BENCH_TOKEN } = __ENV;
const lines = new SharedArray("requests", () => open(FILE).trim().split("\n"));
const refused = new Counter("refused");
const parameters = { headers: { Authorization: `Bearer ${BENCH_TOKEN}`, "Content-Type": "application/json" } };

export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ["p(50)", "p(99)", "count"],
  scenarios: {
    open: {
      executor: "constant-arrival-rate",
      rate: Number(RATE),
      duration: `${SECONDS}s`,
      preAllocatedVUs: 200,
    },
  },
};

export default function () {
  const line = lines[exec.scenario.iterationInTest % lines.length];
  const answer =
    METHOD === "POST"
      ? http.post(`${URL}/api/samples`, line, parameters)
      : http.get(`${URL}/api/samples/${line}`, { ...parameters, tags: { name: "sample" } });
  if (answer.status < 200 || answer.status > 299) refused.add(1);
}

export function handleSummary({ metrics }) {
  const count = (name) => (metrics[name] ? metrics[name].values.count : 0);
  const times = metrics.http_req_duration.values;
  const result = {
    answered: count("http_reqs"),
    refused: count("refused"),
    dropped: count("dropped_iterations"),
    p50_ms: times["p(50)"],
    p99_ms: times["p(99)"],
  };
  return { stdout: `RESULT\t${JSON.stringify(result)}\n` };
}
