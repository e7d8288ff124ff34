# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "support/json_schema"
require "support/process_states"

RSpec.describe Karafka::Cli::Top::Verdicts do
  include ProcessStates

  def verdicts(before, now) = described_class.of_look(look(before, now))

  def found(before, now) = verdicts(before, now).map { |one| [one.severity, one.to_s] }

  # A partition of orders with these figures, before and after 20 seconds.
  def of_partition(before, now, seconds: 20, **others)
    found(before && state(topics: [topic("orders", [partition(17, **before)])], **others),
          state(topics: [topic("orders", [partition(17, **now)])], **others, **later(seconds)))
  end

  it "is tried on states that the schema describes" do
    schema = JSON.parse(File.read(File.expand_path("../../../../docs/state.schema.json", __dir__)))
    paused = partition(1, pause: { reason: "operator", left_ms: nil }, leases: [lease(10)])
    expect(JsonSchema.findings(state(topics: [topic("orders", [partition, paused])], workers: [busy_worker(0)]), schema)).to eq([])
  end

  it "finds nothing where nothing is to be done, also where nothing has come for long" do
    expect(found(nil, state(topics: [topic]))).to eq([])
    expect(found(state(topics: [topic]), state(topics: [topic], **later(3_600)))).to eq([])
    expect(found(nil, state(topics: []))).to match([[:note, /shop has no partitions in process 100/]])
  end

  describe "a batch that is out" do
    stuck = "orders/17 stuck 6 m 12 s: OrdersConsumer at app/consumers/orders_consumer.rb:31 on worker 3"

    it "is stuck when it gets no further, and the verdict says where and on which worker" do
      out = { lag: 9, lag_ms: 372_000, leases: [lease(372_000)] }
      expect(of_partition(out, out, workers: [busy_worker(3), idle_worker(4)])).to include([:problem, stuck])
      expect(of_partition(nil, out, workers: [busy_worker(3), idle_worker(4)])).to include([:problem, stuck])
    end

    it "is not stuck as long as it marks messages" do
      before = { position: 5, leases: [lease(352_000)] }
      expect(of_partition(before, { position: 6, leases: [lease(372_000)] }, workers: [busy_worker(3)])).to eq([])
    end

    it "is not stuck at the limit's good side, and what is not known is said" do
      expect(of_partition(nil, { leases: [lease(59_999)] })).to eq([])
      unknown = "orders/17 stuck 1 m: a consumer that is unknown on a worker that is unknown"
      expect(of_partition(nil, { leases: [lease(60_000, consumer: nil)] }, workers: [])).to eq([[:problem, unknown]])
      limits = Karafka::Cli::Top::Limits.new(stuck_ms: 600_000)
      state = state(topics: [topic("orders", [partition(17, leases: [lease(372_000)])])])
      expect(described_class.of_look(look(nil, state), limits)).to eq([])
    end

    it "says nothing of a partition that goes away" do
      expect(of_partition(nil, { state: "revoking", leases: [lease(90_000)] })).to eq([])
    end
  end

  describe "a message that fails" do
    let(:failing) { { position: 4711, lag: 3, lag_ms: 90_000, attempt: 4, pause: { reason: "back_off", left_ms: 23_000 } } }

    it "is a problem from the third attempt on" do
      text = "orders/17 fails again and again at offset 4711: attempt 4 follows in 23 s"
      expect(of_partition({ **failing, attempt: 3 }, failing)).to eq([[:problem, text]])
      expect(of_partition(nil, { **failing, attempt: 2 })).to eq([])
      expect(verdicts(nil, state(topics: [topic("orders", [partition(17, **failing)])])).first.next_step)
        .to include("karafka skip orders/17@4711 --reason")
    end

    it "comes before the lag that it causes" do
      before, now = [2_000, 3_000].map do |lag|
        topic("orders", [partition(17, **failing), partition(18, lag: lag, lag_ms: 720_000)], rate_in: 120.0, rate_out: 80.0)
      end
      found = verdicts(state(topics: [before]), state(topics: [now], **later(20)))
      expect(found.map { |one| [one.severity, one.kind] }).to start_with(%i[problem failing], %i[problem behind])
    end

    it "is none once the partition has got further" do
      expect(of_partition({ **failing, position: 4700 }, failing)).to eq([])
    end

    it "waits for somebody where stop_after has stopped it" do
      expect(of_partition(nil, { **failing, pause: { reason: "back_off", left_ms: nil } }))
        .to eq([[:problem,
                 "orders/17 fails again and again at offset 4711: attempt 4 waits until it is resumed (stop_after, or its consumer)"]])
    end

    it "is the operator's business while an operator has paused it" do
      expect(of_partition(nil, { **failing, pause: { reason: "operator", left_ms: nil } }))
        .to eq([[:note, "orders/17 is paused by an operator (karafka pause, or Karafka::Server.pause): 3 messages wait"]])
    end
  end

  describe "a paused partition" do
    def paused(reason, left_ms: nil, lag: 1) = of_partition(nil, { lag: lag, pause: { reason: reason, left_ms: left_ms } })

    it "says by whom" do
      expect(paused("operator")).to eq([[:note,
                                         "orders/17 is paused by an operator (karafka pause, or Karafka::Server.pause): 1 message waits"]])
      expect(paused("consumer")).to eq([[:warning, "orders/17 is paused by its consumer until it is resumed: 1 message waits"]])
      expect(paused("refused"))
        .to eq([[:problem, 'orders/17 has no valid offset, and auto.offset.reset is "error": 1 message waits']])
    end

    it "says nothing of a pause that ends by itself" do
      expect(paused("consumer", left_ms: 5_000)).to eq([])
      expect(paused("back_off", left_ms: 5_000)).to eq([])
    end

    it "does not call a lag 0 that is not known" do
      expect(paused("consumer",
                    lag: nil)).to eq([[:warning, "orders/17 is paused by its consumer until it is resumed: its lag is unknown"]])
    end
  end

  describe "messages that nobody has" do
    let(:waiting) { { lag: 42, lag_ms: 180_000 } }

    it "are a warning after a while, as they may be held back on purpose" do
      text = "orders/17 stands still: 42 messages wait, the next one for 3 m, no worker has any"
      expect(of_partition(waiting, waiting)).to eq([[:warning, text]])
    end

    it "are nothing in a moment, at the first look, while they move, or while all workers are busy" do
      expect(of_partition(waiting, waiting, seconds: 9)).to eq([])
      expect(of_partition(nil, waiting)).to eq([])
      expect(of_partition(waiting, { **waiting, position: 6 })).to eq([])
      expect(of_partition(waiting, { **waiting, leases: [lease(20)] })).to eq([])
      expect(of_partition(waiting, waiting, workers: [busy_worker(0)])).to eq([])
      expect(of_partition({ lag: 0 }, waiting)).to eq([])
    end

    it "are nothing where it is not known that there are any" do
      expect(of_partition({ lag: nil }, { lag: nil })).to eq([])
      expect(of_partition({ **waiting, position: nil }, { **waiting, position: nil })).to eq([])
    end

    it "are nothing while the process takes no new work, which it says itself" do
      expect(of_partition(waiting, waiting, process: { quiet: true }))
        .to eq([[:note, "process 100 takes no new work (TSTP): only a stop follows"]])
    end
  end

  describe "lag" do
    def behind(before, now, **others)
      topics = [before, now].map { |lag| lag && [topic("orders", [partition(0, position: lag, lag: lag, lag_ms: 720_000)], **others)] }
      found(topics[0] && state(topics: topics[0], **others.slice(:process)), state(topics: topics[1], **later))
    end

    it "is a problem when it is old and does not fall" do
      text = "orders is 12 m behind, with 3,000 messages: 120/s come, 80/s are consumed, and does not catch up"
      expect(behind(2_000, 3_000, rate_in: 120.0, rate_out: 80.0)).to eq([[:problem, text]])
    end

    it "is a note with the end in sight while it falls" do
      expect(behind(3_000, 2_000)).to eq([[:note, "orders is 12 m behind, with 2,000 messages, and catches up: through in 40 s"]])
    end

    it "is a warning where it falls although more comes than is consumed: positions move by whole batches" do
      text = "orders is 12 m behind, with 2,000 messages: 102/s come, 11/s are consumed, so its trend is not sure"
      expect(behind(3_000, 2_000, rate_in: 102.0, rate_out: 11.0)).to eq([[:warning, text]])
    end

    it "is a warning as long as nobody knows" do
      expect(behind(nil, 2_000, rate_in: nil, rate_out: nil))
        .to eq([[:warning, "orders is 12 m behind, with 2,000 messages: unknown come, unknown are consumed (no trend is known yet)"]])
    end

    it "is judged by its age alone: many messages that are young are no problem, and those of unknown age are not judged" do
      expect(found(nil, state(topics: [topic("orders", [partition(0, lag: 1_000_000, lag_ms: 2_000)])]))).to eq([])
      expect(found(nil, state(topics: [topic("orders", [partition(0, lag: 1_000_000, lag_ms: nil)])]))).to eq([])
    end

    it "has no trend across a rebalance" do
      old = topic("orders", [partition(0, lag: 10, lag_ms: 720_000)])
      more = topic("orders", [partition(0, position: 6, lag: 10, lag_ms: 720_000), partition(1, lag: 50, lag_ms: 720_000)])
      expect(found(state(topics: [old]), state(topics: [more], **later))).to match([[:warning, /no trend is known yet/]])
    end
  end

  describe "a process" do
    def of_process(before = {}, now = {}, **others)
      found(state(topics: [topic], **before), state(topics: [topic], **now, **later, **others))
    end

    it "has failed, starts, or stops" do
      expect(of_process({}, { process: { state: "failed", failure: "fenced" } })).to eq([[:problem, "process 100 has failed: fenced"]])
      expect(of_process({}, { process: { state: "stopping" } })).to eq([[:note, "process 100 is stopping"]])
    end

    it "holds Ruby's lock" do
      expect(of_process({}, { process: { events_unread_ms: 31_000 } }))
        .to eq([[:problem, "process 100 has not let Ruby run for 31 s: some code holds its lock"]])
      expect(of_process({}, { process: { events_unread_ms: nil } })).to eq([])
    end

    it "does not poll, is away, or has never been assigned anything" do
      expect(of_process({}, { client: { poll_age_ms: 16_000 } })).to eq([[:problem, "shop (shop_0) has not polled Kafka for 16 s"]])
      expect(of_process({}, { client: { poll_age_ms: 16_000, running: false } })).to eq([])
      expect(of_process({}, { client: { away: true } })).to match([[:problem, /is out of its group: a batch is over/]])
      expect(of_process({}, { client: { generation: 0 } })).to match([[:problem, /has had no assignment since its start 10 m/]])
      expect(of_process({}, { client: { generation: 0 }, process: { uptime_ms: 700_000 } })).not_to be_empty
    end

    it "has lost its partitions: a moment is a warning, and nothing is said of others that may have them" do
      lost = { client: { lost: true } }
      expect(of_process({}, lost)).to eq([[:warning, "shop (shop_0) has lost its partitions, and has no assignment since"]])
      expect(of_process(lost, lost)).to eq([[:problem, "shop (shop_0) has lost its partitions, and has no assignment since"]])
      expect(of_process({}, { client: { lost: true, away: true } })).to match([[:problem, /is out of its group/]])
      gone = { client: { lost: true }, group: { partitions: 0, topics: [] } }
      expect(of_process(gone, gone).map(&:first)).to eq([:problem])
    end

    it "reaches no broker: a moment is a warning" do
      trouble = { client: { trouble: "all brokers are down" } }
      expect(of_process({}, trouble)).to eq([[:warning, "shop (shop_0) reaches no broker: all brokers are down"]])
      expect(of_process(trouble, trouble)).to eq([[:problem, "shop (shop_0) reaches no broker: all brokers are down"]])
    end

    it "has a topic that does not exist" do
      expect(of_process({}, { client: { missing_topics: ["refunds"] } })).to eq([])
      missing = { client: { missing_topics: ["refunds"] } }
      expect(of_process(missing, missing)).to eq([[:problem, "refunds does not exist, and the routes of shop name it"]])
    end

    it "has too few workers" do
      busy = { workers: [busy_worker(0), busy_worker(1)], process: { ready_partitions: 4 } }
      expect(of_process(busy, busy)).to eq([[:warning, "process 100 has 4 partitions that wait: all 2 workers are busy"]])
      expect(of_process({}, busy)).to eq([])
    end

    it "cannot send" do
      produced = ->(failed) { { produced: [{ topic: "mails", messages: 5, bytes: 50, failed: failed }] } }
      expect(of_process(produced.call(2), produced.call(5))).to eq([[:problem, "mails 3 messages could not be sent in 20 s"]])
      expect(of_process(produced.call(5), produced.call(5))).to eq([])
    end

    it "has dead letters, which count from this window on" do
      before = state(topics: [topic("orders", dead_letters: 4)])
      expect(found(before, state(topics: [topic("orders", dead_letters: 6)], **later)))
        .to eq([[:warning, "orders has 2 dead letters more than 20 s ago"]])
      expect(found(before, state(topics: [topic("orders", dead_letters: 4)], **later))).to eq([])
    end

    it "loses partitions often" do
      rebalances = lambda do |causes|
        causes.each_with_index.map do |cause, index|
          { at_ms: ProcessStates::AT_MS - (index * 60_000), cause: cause, partitions: 1, duration_ms: 9 }
        end
      end
      often = { group: { rebalances: rebalances.call(%w[lost revoked lost assigned lost lost]) } }
      expect(of_process({}, often)).to eq([[:problem, "shop has lost partitions 5 times in 10 m, mostly lost, last 20 s ago"]])
      expect(of_process({}, { group: { rebalances: rebalances.call(%w[assigned] * 9) } })).to eq([])
    end

    it "is another one after a restart: nothing is compared" do
      again = state(topics: [topic("orders", dead_letters: 0)], process: { uptime_ms: 500 }, **later)
      expect(look(state, again)).to have_attributes(before: nil, span_ms: nil)
      expect(look(state, state(process: { pid: 101 }, **later)).before).to be_nil
    end
  end

  it "has the worst first, and one verdict for many partitions of a kind" do
    partitions = Array.new(5_000) { |number| partition(number, leases: [lease(60_000 + number)]) }
    partitions << partition(5_000, pause: { reason: "operator", left_ms: nil })
    all = verdicts(nil, state(topics: [topic("orders", partitions), topic("mails", [partition(3, leases: [lease(90_000)])])]))
    expect(all.map(&:to_s)).to match(
      [start_with("mails/3 stuck 1 m 30 s"), start_with("orders: 5,000 partitions in the same state; orders/4999 stuck 1 m 4 s"),
       start_with("orders/5000 is paused by an operator")]
    )
  end

  it "reports processes that do not answer, and which process a verdict is of" do
    gone = Karafka::Cli::Top::Reading.new(name: "app-2:9394", error: "nobody listens there", silent_ms: 12_000)
    stuck = reading(nil, state(topics: [topic("orders", [partition(1, leases: [lease(90_000)])])]))
    all = described_class.of([gone, stuck])
    expect(all.map { |one| [one.severity, one.process] }).to eq([[:problem, "app-1:9394"], [:unreachable, "app-2:9394"]])
    expect(all.last.to_s).to eq("app-2:9394 does not answer for 12 s: nobody listens there")
  end
end
