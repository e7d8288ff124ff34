# frozen_string_literal: true

module WaterDrop
  class Producer
    # What WaterDrop's producer has and this version has not. Whoever builds one of these deletes its entry.
    module NotYet
      {
        fatal: nil,
        reload: nil
      }.each do |name, hint|
        define_method(name) { |*, **| raise Karafka::Errors::UnsupportedFeatureError.for("WaterDrop::Producer##{name}", hint) }
      end
    end
  end
end
