# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe "consumers of Karafka 1.x and 2016" do
  include OneTopic

  def run(klass, lease, &)
    @coordinator ||= Karafka::Coordinator.new(route(klass, &))
    @coordinator.fetch(lease).public_send(lease.kind, lease)
  end

  describe Karafka::Consumers::Callbacks do
    def consumer(&)
      Class.new(Karafka::BaseConsumer) do
        include Karafka::Consumers::Callbacks

        attr_reader :calls

        def consume = note(:consume)
        def shutdown = note(:shutdown)
        def note(what) = (@calls ||= []) << what
        class_eval(&)
      end
    end

    def calls(klass, *leases)
      leases.each { |lease| run(klass, lease) }
      @coordinator.fetch(leases.last).consumer.calls
    end

    it "go around consume and before the shutdown, as blocks or methods" do
      klass = consumer do
        after_poll { note(:after_poll) }
        after_fetch :fetched
        before_poll { note(:before_poll) }
        before_stop { note(:before_stop) }
        def fetched = note([:after_fetch, params_batch.size])
      end
      expect(calls(klass, FakeLease.new(%w[1 2]), FakeLease.new(kind: :shutdown)))
        .to eq([:after_poll, [:after_fetch, 2], :consume, :before_poll, :before_stop, :shutdown])
    end

    it "skip the batch when one throws :abort" do
      klass = consumer do
        after_fetch { throw(:abort) }
        after_fetch { note(:never) }
      end
      expect(calls(klass, FakeLease.new(%w[1]))).to be_nil
    end

    it "are inherited" do
      parent = consumer { after_fetch { note(:parent) } }
      klass = Class.new(parent) { after_fetch { note(:child) } }
      klass.class_eval { def consume = note(:consume) }
      expect(calls(klass, FakeLease.new(%w[1]))).to eq(%i[parent child consume])
      expect(parent.karafka_callbacks[:after_fetch].size).to eq(1)
    end

    it "need a method or a block" do
      expect { consumer { after_fetch } }.to raise_error(ArgumentError, /name of a method or a block/)
    end
  end

  describe Karafka::Consumers::Controller do
    let(:seen) { [] }

    it "performs once for each message, unless before_enqueue aborts" do
      seen = self.seen
      klass = Class.new(described_class) do
        before_enqueue { throw(:abort) if params[:id] == 2 }
        define_method(:perform) { seen << params["id"] }
      end
      run(klass, lease = FakeLease.new(['{"id":1}', '{"id":2}', '{"id":3}']))
      expect([seen, lease.marked]).to eq([[1, 3], [0, 1, 2]])
    end

    it "does not repeat what was done when a later message fails" do
      klass = Class.new(described_class) { def perform = params.payload == 2 ? raise("two") : nil }
      lease = FakeLease.new(%w[1 2])
      expect { run(klass, lease) }.to raise_error("two")
      expect(lease.marked).to eq([0])
    end

    it "works with batch_consuming false, too" do
      seen = self.seen
      klass = Class.new(described_class) { define_method(:perform) { seen << params.payload } }
      run(klass, FakeLease.new(%w[1 2])) { batch_consuming false }
      expect(seen).to eq([1, 2])
    end
  end

  it "answer params_batch in a batch" do
    seen = nil
    klass = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) do
        seen = [params_batch.size, params_batch.first["id"], params_batch.parsed.size]
      end
    end
    run(klass, FakeLease.new(['{"id":1}', '{"id":2}']))
    expect(seen).to eq([2, 1, 2])
  end

  it "say what is not there yet" do
    klass = Class.new(Karafka::BaseConsumer)
    expect { klass.new.insights }.to raise_error(Karafka::Errors::UnsupportedFeatureError)
  end

  it "refuses `params` of a topic that gives batches, where it would lose all messages but one" do
    expect { Class.new(Karafka::BaseConsumer).new.params }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /batch_consuming false.*params_batch/)
  end

  it "has the controllers of 2016 under their name" do
    expect(Karafka::BaseController).to be(Karafka::Consumers::Controller)
  end
end
